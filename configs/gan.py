"""GAN on digits: dense networks, and an average of G's weights for samples.

python -m train.run --model=gan
"""

from ml_collections import ConfigDict

from tfgen import settings

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
# Sizes of the paper's experiment; it names no rates.
MNIST = {
    "steps": 50_000,
    "batch_size": 100,
    "model.width": 1024,
    "model.ema": 0.999,
    "eval_every": 5000,
    "save_every": 5000,
}
ON = {"ring": POINTS, "grid": POINTS, "mnist": MNIST, "fashion_mnist": MNIST}


def get_config():
    config = settings.defaults()
    config.steps = 8000
    config.eval_every = 1000  # a GAN's losses tell nothing: the least Frechet distance is kept
    config.batch_size = 64
    config.model = ConfigDict(
        dict(
            objective="non_saturating",
            penalty="none",
            penalty_weight=10.0,
            clip=0.0,
            critic_steps=1,
            network="dense",
            normalisation="none",
            pooling="mean",
            latent_dim=100,
            width=256,
            generator_width=0,
            depth=2,
            kernel=4,
            ema=0.99,
            fresh_noise=False,
            smoothing=0.0,
            instance_noise=0.0,
            noise_steps=1000,
            minibatch_stddev=False,
            augment="",
        )
    )
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(2e-4, beta_1=0.5)
    return config
