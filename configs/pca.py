"""Principal components of digits, 8 of them: one pass over the 1,000 images.

python -m train.run --model=pca
"""

from configs import base


def get_config():
    config = base.get_config()
    config.steps = 10
    config.batch_size = 100
    config.log_every = 1
    config.save_every = 10
    return config
