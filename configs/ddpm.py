"""DDPM on digits: a U-Net of 16 features.

python -m train.run --model=ddpm
python -m train.run --model=ddpm --config.model.conditional=True
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.diffusion

# Points in the plane: a dense network, and all that it has learnt in its average.
_POINTS = {
    "steps": 8000,
    "eval_every": 0,
    "batch_size": 256,
    "model.network": "dense",
    "model.width": 128,
    "model.blocks": 3,
    "model.dropout": 0.0,
    "model.half_life": 500,
}
ON = {"ring": _POINTS, "grid": _POINTS}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 64
    config.eval_every = 500
    config.eval_metric = "loss"
    config.model = ConfigDict(
        dict(
            width=16,
            dropout=0.1,  # of 1,000 training images
            waves=True,
            half_life=140,
        )
    )
    config.optimizers.denoiser = settings.adam(2e-3, decay="cosine")
    return config
