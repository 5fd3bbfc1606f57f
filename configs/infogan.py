"""InfoGAN on digits: the DCGAN's networks, a code of ten values and two continuous ones.

python -m train.run --model=infogan
"""

from tfgen import settings

dcgan = settings.config_file("dcgan")

# Appendix C.1 of the paper: 62 latents, and a faster G.
MNIST = dcgan.MNIST | {"model.latent_dim": 62, "optimizers.G.learning_rate": 1e-3}
ON = dcgan.LARGER | {"mnist": MNIST, "fashion_mnist": MNIST}


def get_config():
    config = dcgan.get_config()
    config.model.latent_dim = 50
    return config
