"""Principal components of digits, 8 of them: one pass over the 1,000 images.

python -m train.run --model=pca
"""

from tfgen import settings


def get_config():
    config = settings.defaults()
    config.steps = 10
    config.batch_size = 100
    config.log_every = 1
    config.save_every = 10
    return config
