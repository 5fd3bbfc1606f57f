"""Score matching on digits, and on `ring` and `grid`, whose scores are known.

python -m train.run --model=score_matching --config.data.name=ring
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.diffusion

# Points in the plane, in a square from -1 to 1.
_POINTS = {
    "steps": 4000,
    "eval_every": 0,
    "batch_size": 256,
    "model.network": "dense",
    "model.width": 64,
    "model.blocks": 3,
    "model.dropout": 0.0,
}
ON = {"ring": _POINTS, "grid": _POINTS}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 64
    config.eval_every = 500
    config.eval_metric = "loss"
    config.model = ConfigDict(dict(width=16, dropout=0.1, half_life=140, each=20))
    config.optimizers.denoiser = settings.adam(2e-3, decay="cosine")
    return config
