"""Contractive autoencoder on digits: one hidden layer of ReLUs on each side.

python -m train.run --model=contractive_autoencoder
"""

from tfgen import settings

autoencoder = settings.config_file("autoencoder")


def get_config():
    config = autoencoder.get_config()
    config.model.network = "dense"
    config.model.width = 200
    config.model.contraction = 0.01
    return config
