"""GAN on digits: dense networks, and an average of G's weights for samples.

python -m train.run --model=gan
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


rule = rules.dense_gan

# Mixtures of Gaussians in the plane, a hundredth as wide as the square: dense networks, and rates
# that fall to zero, for what G has learnt to stay in place.
POINTS = {
    "steps": 8000,
    "eval_every": 0,
    "batch_size": 256,
    "model.network": "dense",
    "model.width": 128,
    "model.depth": 3,
    "model.latent_dim": 16,
    "model.ema": 0.995,
    "optimizers.G.learning_rate": 1e-3,
    "optimizers.D.learning_rate": 1e-3,
    "optimizers.G.decay": "cosine",
    "optimizers.D.decay": "cosine",
}
ON = {"ring": POINTS, "grid": POINTS}


def get_config() -> "ConfigDict":
    config = settings.defaults()
    config.steps = 8000
    config.eval_every = 1000  # a GAN's losses tell nothing: the least Frechet distance is kept
    config.batch_size = 64
    config.model.width = 256
    config.model.ema = 0.99
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(2e-4, beta_1=0.5)
    return config
