"""R1 on digits: the DCGAN's networks, without batch normalisation in D.

python -m train.run --model=r1_gan
"""

from configs import dcgan, gan

# Where D has to tell hundredths apart, its slope must be cheap.
POINTS = gan.POINTS | {"model.penalty_weight": 0.02}
ON = dcgan.LARGER | {"ring": POINTS, "grid": POINTS}


def get_config():
    config = dcgan.get_config()
    config.model.penalty = "r1"
    config.model.penalty_weight = 1.0
    config.model.normalisation = "none"
    return config
