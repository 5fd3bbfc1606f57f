"""NICE on digits: four additive couplings.

python -m train.run --model=nice
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.nice


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 3000
    config.batch_size = 100
    config.eval_every = 200
    config.model = ConfigDict(dict(width=200, depth=2, dropout=0.2))
    config.optimizers.flow = settings.adam(1e-3, decay="cosine")
    return config
