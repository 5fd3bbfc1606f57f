"""DCGAN on digits: two halvings, 8x8 -> 2x2, and an average of G's weights for samples.

python -m train.run --model=dcgan
"""

from ml_collections import ConfigDict

from configs import base


def get_config():
    config = base.get_config()
    config.steps = 5000
    config.eval_every = 500  # a GAN's losses tell nothing: the least Frechet distance is kept
    config.batch_size = 64
    config.model = ConfigDict(
        dict(
            latent_dim=100,
            width=64,
            depth=2,
            # Divisible by the stride: every pixel gets as many taps (Odena et al. 2016).
            kernel=4,
            ema=0.99,
            fresh_noise=False,
        )
    )
    for name in ("G", "D"):
        config.optimizers[name] = base.adam(2e-4, beta_1=0.5)  # section 4 of the paper
    return config
