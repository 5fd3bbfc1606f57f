"""Conditional GAN on digits: the DCGAN's networks, labels by projection.

python -m train.run --model=conditional_gan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")

rule = dcgan.rule

# Those that have one label an image; the faces of celeb_a have forty attributes.
ON = {name: values for name, values in dcgan.LARGER.items() if name != "celeb_a"}


def get_config() -> "ConfigDict":
    config = dcgan.get_config()
    # Miyato and Koyama's way to tell D the label, which the paper's planes are older than.
    config.model.conditioning = "projection"
    config.model.normalisation = "spectral"
    config.model.pooling = "sum"  # for residual networks, as in Miyato and Koyama's
    config.model.objective = "hinge"
    return config
