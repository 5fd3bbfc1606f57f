"""VAE-GAN on digits: the DCGAN's networks, 16 codes.

python -m train.run --model=vae_gan
"""

from configs import base, dcgan


def get_config():
    config = dcgan.get_config()
    config.steps = 3000  # three networks, and nothing gained afterwards
    config.model.latent_dim = 16
    config.model.gamma = 0.1
    config.optimizers.E = base.adam(2e-4, beta_1=0.5)
    return config
