"""FactorVAE on digits: the networks of the VAE's config, gamma = 5.

python -m train.run --model=factor_vae
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


vae = settings.config_file("vae")

rule = vae.rule

ON = {
    "shapes_binary": vae.ON["shapes_binary"] | {"model.gamma": 6.0},
    "shapes": vae.ON["shapes"] | {"model.gamma": 20.0},
}


def get_config() -> "ConfigDict":
    config = vae.get_config()
    config.model.gamma = 5.0
    config.model.critic_width = 200
    config.model.critic_depth = 4
    config.optimizers.D = settings.adam(1e-3, beta_1=0.5)
    return config
