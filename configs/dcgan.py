"""DCGAN on digits: two halvings, 8x8 -> 2x2, and an average of G's weights for samples.

python -m train.run --model=dcgan
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


gan = settings.config_file("gan")

# Section 4 of the paper: batches of 128, 100 latents. 28 pixels become 32, which can be halved.
MNIST = {
    "steps": 20_000,
    "batch_size": 128,
    "eval_every": 2000,
    "save_every": 2000,
    "data.size": "32",
    "model.depth": 3,
    "model.ema": 0.999,
}
CIFAR = MNIST | {"steps": 50_000, "model.width": 128}
# The networks of figure 1.
CELEBA = CIFAR | {"data.size": "64", "model.depth": 4, "model.kernel": 5}
LARGER = {"mnist": MNIST, "fashion_mnist": MNIST, "cifar10": CIFAR, "celeb_a": CELEBA}
# Coloured sprites of 32 x 32: ten minutes on two cores.
SHAPES = {
    "steps": 24_000,
    "save_every": 2000,
    "eval_every": 0,
    "model.depth": 3,
    "model.width": 32,
    "model.latent_dim": 32,
    "model.ema": 0.999,
}
ON = LARGER | {"shapes": SHAPES}


def get_config() -> "ConfigDict":
    config = gan.get_config()
    config.steps = 5000
    config.eval_every = 500
    config.model.width = 64
    config.model.depth = 2
    # Divisible by the stride: every pixel gets as many taps (Odena et al. 2016).
    config.model.kernel = 4
    # The rates, 0.0002 with beta_1 = 0.5, are those of section 4 of the paper.
    return config
