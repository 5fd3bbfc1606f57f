"""Autoencoder on digits: convolutional, 8 codes.

python -m train.run --model=autoencoder
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.coder


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.batch_size = 100
    config.eval_every = 500
    config.eval_metric = "loss"  # it is there to reconstruct, not to sample
    config.model = ConfigDict(dict(latent_dim=8, network="conv", width=32, error="squared"))
    config.optimizers.ae = settings.adam(2e-3, decay="cosine")
    return config
