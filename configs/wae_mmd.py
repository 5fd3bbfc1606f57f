"""Wasserstein autoencoder on digits: the autoencoder's networks, 8 normal codes.

python -m train.run --model=wae_mmd
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


autoencoder = settings.config_file("autoencoder")


rule = autoencoder.rule


def get_config() -> "ConfigDict":
    return autoencoder.get_config()
