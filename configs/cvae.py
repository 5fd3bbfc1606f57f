"""Conditional VAE on digits: the networks of the VAE's config.

python -m train.run --model=cvae
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


vae = settings.config_file("vae")

rule = vae.rule

# Photographs have no labels.
ON = {name: values for name, values in vae.ON.items() if name != "photographs"}


def get_config() -> "ConfigDict":
    return vae.get_config()
