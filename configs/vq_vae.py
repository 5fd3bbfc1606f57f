"""VQ-VAE on digits: a grid of 2 x 2 codes out of 64.

python -m train.run --model=vq_vae
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.vq_vae


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 100
    config.eval_every = 500
    config.eval_metric = "loss"
    config.model = ConfigDict(dict(dropout=0.2))
    config.optimizers.vq = settings.adam(2e-3, decay="cosine")
    config.optimizers.prior = settings.adam(2e-3, decay="cosine")
    return config
