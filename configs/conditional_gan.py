"""Conditional GAN on digits: the DCGAN's networks, labels by projection.

python -m train.run --model=conditional_gan
"""

from configs import dcgan

ON = dcgan.LARGER


def get_config():
    config = dcgan.get_config()
    config.model.condition = "projection"
    config.model.normalisation = "spectral"
    config.model.pooling = "sum"  # for residual networks, as in Miyato and Koyama's
    config.model.objective = "hinge"
    return config
