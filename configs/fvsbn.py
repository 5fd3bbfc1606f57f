"""Fully visible sigmoid belief network on digits.

python -m train.run --model=fvsbn
"""

from configs import base

# Two levels are soon learned.
ON = {"digits_binary": {"steps": 1000, "eval_every": 100}}


def get_config():
    config = base.get_config()
    config.steps = 3000
    config.batch_size = 100
    config.eval_every = 200
    config.optimizers.p = base.adam(1e-2, decay="cosine")
    return config
