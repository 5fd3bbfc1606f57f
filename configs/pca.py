"""Principal components of digits, 8 of them: one pass over the 1,000 images.

python -m train.run --model=pca
"""

from ml_collections import ConfigDict

from tfgen import settings


def get_config():
    config = settings.defaults()
    config.steps = 10
    config.batch_size = 100
    config.log_every = 1
    config.save_every = 10
    config.model = ConfigDict(dict(latent_dim=8, components=10))
    return config
