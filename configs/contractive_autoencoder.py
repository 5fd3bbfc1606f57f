"""Contractive autoencoder on digits: one hidden layer of ReLUs on each side.

python -m train.run --model=contractive_autoencoder
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


autoencoder = settings.config_file("autoencoder")


rule = autoencoder.rule


def get_config() -> "ConfigDict":
    config = autoencoder.get_config()
    config.model.network = "dense"
    config.model.width = 200
    config.model.contraction = 0.01
    return config
