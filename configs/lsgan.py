"""LSGAN on digits: the DCGAN's networks.

python -m train.run --model=lsgan
"""

from tfgen import settings

dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

POINTS = {"ring": gan.POINTS, "grid": gan.POINTS}
ON = dcgan.LARGER | {name: POINTS[name] | {"model.normalisation": "none"} for name in POINTS}


def get_config():
    return dcgan.get_config()
