"""Beta-VAE on digits: the networks of the VAE's config, beta = 4.

python -m train.run --model=beta_vae
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


vae = settings.config_file("vae")

rule = vae.rule

ON = {
    "shapes_binary": vae.ON["shapes_binary"] | {"model.beta": 4.0},
    "shapes": vae.ON["shapes"] | {"model.beta": 10.0},
}


def get_config() -> "ConfigDict":
    config = vae.get_config()
    config.model.capacity_steps = 4000  # those of the run
    return config
