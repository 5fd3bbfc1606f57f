"""VAE with a VampPrior on digits: the networks of the VAE's config.

python -m train.run --model=vamp_vae
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


vae = settings.config_file("vae")

rule = vae.rule

ON = {"shapes_binary": vae.ON["shapes_binary"] | {"model.pseudo_inputs": 100}}


def get_config() -> "ConfigDict":
    config = vae.get_config()
    # On the validation split 10 are better than 30, 100 or 500: so few images, so soon overfitted.
    config.model.pseudo_inputs = 10
    return config
