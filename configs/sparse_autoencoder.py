"""k-sparse autoencoder on digits: 64 code units, 8 of them for each image.

python -m train.run --model=sparse_autoencoder
"""

from tfgen import settings

autoencoder = settings.config_file("autoencoder")


def get_config():
    config = autoencoder.get_config()
    config.model.latent_dim = 64
    config.model.active = 8
    return config
