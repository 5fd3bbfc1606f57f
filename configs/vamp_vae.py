"""VAE with a VampPrior on digits: the networks of the VAE's config.

python -m train.run --model=vamp_vae
"""

from configs import vae


def get_config():
    config = vae.get_config()
    config.model.pseudo_inputs = 100  # a tenth of the training images
    return config
