"""VQ-VAE on digits: a grid of 2 x 2 codes out of 64.

python -m train.run --model=vq_vae
"""

from ml_collections import ConfigDict

from tfgen import settings


def get_config():
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 100
    config.eval_every = 500
    config.eval_metric = "loss"
    config.model = ConfigDict(
        dict(
            codes=64,
            code_dim=16,
            depth=2,
            width=32,
            codebook="ema",
            commitment=0.25,
            decay=0.99,
            restart=0.03,
            prior_width=64,
            dropout=0.2,
            likelihood="auto",
        )
    )
    config.optimizers.vq = settings.adam(2e-3, decay="cosine")
    config.optimizers.prior = settings.adam(2e-3, decay="cosine")
    return config
