"""Relativistic GAN on digits: the DCGAN's networks.

python -m train.run --model=relativistic_gan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


# Another loss for the same networks, as that is.
lsgan = settings.config_file("lsgan")

rule = lsgan.rule

ON = lsgan.ON


def get_config() -> "ConfigDict":
    return lsgan.get_config()
