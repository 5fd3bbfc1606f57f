"""IWAE on digits: the networks of the VAE's config, k = 5.

python -m train.run --model=iwae
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


vae = settings.config_file("vae")


rule = vae.rule


def get_config() -> "ConfigDict":
    config = vae.get_config()
    # Five passes of the decoder a step: fewer images and steps keep the run under two minutes.
    config.steps = 3000
    config.batch_size = 64
    config.model.samples = 5
    config.model.warmup = 1500
    return config
