"""LSGAN on digits: the DCGAN's networks.

python -m train.run --model=lsgan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

rule = dcgan.rule

POINTS = {"ring": gan.POINTS, "grid": gan.POINTS}
ON = dcgan.LARGER | {name: POINTS[name] | {"model.normalisation": "none"} for name in POINTS}


def get_config() -> "ConfigDict":
    return dcgan.get_config()
