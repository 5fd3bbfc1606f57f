"""Principal components of digits, 8 of them: one pass over the 1,000 images.

python -m train.run --model=pca
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


rule = rules.pca


def get_config() -> "ConfigDict":
    config = settings.defaults()
    config.steps = 10
    config.batch_size = 100
    config.log_every = 1
    config.save_every = 10
    return config
