"""Conditional GAN on digits: the DCGAN's networks, labels by projection.

python -m train.run --model=conditional_gan
"""

from configs import dcgan

ON = dcgan.LARGER


def get_config():
    config = dcgan.get_config()
    config.model.condition = "projection"
    config.model.normalisation = "spectral"
    config.model.objective = "hinge"
    return config
