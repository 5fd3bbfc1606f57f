"""RealNVP on digits: two scales, variational dequantisation. On points of the plane, dense.

python -m train.run --model=realnvp
python -m train.run --model=realnvp --config.data.name=ring
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.realnvp

# Fine levels: nothing is gained by learning where in a bin of 1/65536 a point is.
_POINTS = {
    "steps": 8000,
    "batch_size": 500,
    "eval_every": 1000,
    "model.network": "dense",
    "model.width": 96,
    "model.depth": 2,
    "model.couplings": 16,
    "model.dropout": 0.0,
    "model.dequantisation": "uniform",
}
ON = {"ring": _POINTS, "grid": _POINTS}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 2000
    config.batch_size = 100
    config.eval_every = 200
    config.model = ConfigDict(
        dict(width=32, depth=1, couplings=3, dequantisation="variational", dropout=0.2)
    )
    config.optimizers.flow = settings.adam(2e-3, decay="cosine")
    return config
