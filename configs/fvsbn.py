"""Fully visible sigmoid belief network on digits.

python -m train.run --model=fvsbn
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


rule = rules.fvsbn

# Two levels are soon learned.
ON = {"digits_binary": {"steps": 1000, "eval_every": 100}}


def get_config() -> "ConfigDict":
    config = settings.defaults()
    config.steps = 3000
    config.batch_size = 100
    config.eval_every = 200
    config.optimizers.p = settings.adam(1e-2, decay="cosine")
    return config
