"""VAE-GAN on digits: the DCGAN's networks, 16 codes.

python -m train.run --model=vae_gan
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.gan


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 3000  # three networks, and nothing gained afterwards
    config.eval_every = 500
    config.batch_size = 64
    config.model = ConfigDict(dict(latent_dim=16, width=64, depth=2, kernel=4, ema=0.99))
    for name in ("G", "D", "E"):
        config.optimizers[name] = settings.adam(2e-4, beta_1=0.5)
    return config
