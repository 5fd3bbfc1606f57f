"""k-sparse autoencoder on digits: 64 code units, 8 of them for each image.

python -m train.run --model=sparse_autoencoder
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


autoencoder = settings.config_file("autoencoder")


rule = autoencoder.rule


def get_config() -> "ConfigDict":
    config = autoencoder.get_config()
    config.model.latent_dim = 64
    config.model.active = 8
    return config
