"""DRAGAN on digits: the DCGAN's networks, without batch normalisation in D.

python -m train.run --model=dragan
"""

from tfgen import settings

dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

# Where D has to tell hundredths apart, its slope must be cheap.
POINTS = gan.POINTS | {"model.penalty_weight": 0.1}
ON = dcgan.LARGER | {"ring": POINTS, "grid": POINTS}


def get_config():
    return dcgan.get_config()
