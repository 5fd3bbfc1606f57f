"""BEGAN on digits: the DCGAN's convolutions in G and in D, which is an autoencoder.

python -m train.run --model=began
"""

from ml_collections import ConfigDict

from configs import base, dcgan

# Section 4 of the paper: batches of 16, codes and latents of 64, rates of 0.0001.
PAPER = {
    "batch_size": 16,
    "model.latent_dim": 64,
    "model.code_dim": 64,
    "model.width": 128,
    "model.kernel": 3,
    "model.gamma": 0.5,
    "model.k_rate": 0.001,
    "optimizers.G.learning_rate": 1e-4,
    "optimizers.D.learning_rate": 1e-4,
}
ON = {name: values | PAPER for name, values in dcgan.LARGER.items()}


def get_config():
    config = base.get_config()
    config.steps = 3000
    config.eval_every = 500
    config.batch_size = 64
    config.model = ConfigDict(
        dict(
            gamma=0.9,
            k_rate=0.02,
            # With more, D reconstructs what is no digit too, and G makes one shape only.
            code_dim=8,
            latent_dim=8,
            network="conv",
            width=32,
            depth=2,
            kernel=4,
            ema=0.99,
        )
    )
    config.optimizers.G = base.adam(3e-4, beta_1=0.5)
    config.optimizers.D = base.adam(1e-3, beta_1=0.5)
    return config
