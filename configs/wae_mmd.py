"""Wasserstein autoencoder on digits: the autoencoder's networks, 8 normal codes.

python -m train.run --model=wae_mmd
"""

from configs import autoencoder


def get_config():
    return autoencoder.get_config()
