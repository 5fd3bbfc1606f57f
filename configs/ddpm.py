"""DDPM on digits: a U-Net of 16 features.

python -m train.run --model=ddpm
python -m train.run --model=ddpm --config.model.conditional=True
"""

from ml_collections import ConfigDict

from tfgen import settings


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 64
    config.eval_every = 500
    config.model = ConfigDict(dict(width=32, dropout=0.1, waves=True))
    config.optimizers.denoiser = settings.adam(1e-3, decay="cosine")
    return config
