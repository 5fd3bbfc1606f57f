"""MADE on digits: two hidden layers, eight random orders.

python -m train.run --model=made
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.made


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 100
    config.eval_every = 200
    config.model = ConfigDict(dict(hidden=300, depth=2, masks=8, orders="random", dropout=0.3))
    config.optimizers.p = settings.adam(2e-3, decay="cosine")
    return config
