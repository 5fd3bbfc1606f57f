"""Denoising autoencoder on digits: Gaussian noise of sigma 0.3, the autoencoder's networks.

python -m train.run --model=denoising_autoencoder
"""

from tfgen import settings

autoencoder = settings.config_file("autoencoder")


def get_config():
    config = autoencoder.get_config()
    config.model.latent_dim = 32  # the noise is the bottleneck
    return config
