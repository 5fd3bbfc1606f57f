"""NADE on digits: 200 hidden units, half of them dropped.

python -m train.run --model=nade
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.nade


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 100
    config.eval_every = 200
    config.model = ConfigDict(dict(hidden=200, dropout=0.5))
    config.optimizers.p = settings.adam(2e-3, decay="cosine")
    return config
