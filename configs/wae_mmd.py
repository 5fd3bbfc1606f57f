"""Wasserstein autoencoder on digits: the autoencoder's networks, 8 normal codes.

python -m train.run --model=wae_mmd
"""

from tfgen import settings

autoencoder = settings.config_file("autoencoder")


def get_config():
    return autoencoder.get_config()
