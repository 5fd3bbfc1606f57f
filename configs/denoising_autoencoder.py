"""Denoising autoencoder on digits: Gaussian noise of sigma 0.3, the autoencoder's networks.

python -m train.run --model=denoising_autoencoder
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


autoencoder = settings.config_file("autoencoder")


rule = autoencoder.rule


def get_config() -> "ConfigDict":
    config = autoencoder.get_config()
    config.model.latent_dim = 32  # the noise is the bottleneck
    return config
