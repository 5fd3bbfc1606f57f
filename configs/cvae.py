"""Conditional VAE on digits: the networks of the VAE's config.

python -m train.run --model=cvae
"""

from tfgen import settings

vae = settings.config_file("vae")

ON = vae.ON


def get_config():
    return vae.get_config()
