"""DRAGAN on digits: the DCGAN's networks, without batch normalisation in D.

python -m train.run --model=dragan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

rule = dcgan.rule

# Where D has to tell hundredths apart, its slope must be cheap.
POINTS = gan.POINTS | {"model.penalty_weight": 0.1}
ON = dcgan.LARGER | {"ring": POINTS, "grid": POINTS}


def get_config() -> "ConfigDict":
    return dcgan.get_config()
