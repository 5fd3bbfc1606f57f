"""InfoGAN on digits: the DCGAN's networks, a code of ten values and two continuous ones.

python -m train.run --model=infogan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")

rule = dcgan.rule

# Appendix C.1 of the paper: 62 latents, and a faster G.
MNIST = {"model.latent_dim": 62, "optimizers.G.learning_rate": 1e-3}
ON = dcgan.LARGER | {"mnist": MNIST, "fashion_mnist": MNIST}


def get_config() -> "ConfigDict":
    config = dcgan.get_config()
    config.model.latent_dim = 50
    return config
