"""Adversarial autoencoder on digits: the autoencoder's networks, 8 normal codes.

python -m train.run --model=adversarial_autoencoder
Figure 4 of the paper: --config.model.latent_dim=2 --config.model.prior=swiss_roll
--config.model.labels=True
"""

from typing import TYPE_CHECKING

from tfgen import settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


autoencoder = settings.config_file("autoencoder")


rule = autoencoder.rule


def get_config() -> "ConfigDict":
    config = autoencoder.get_config()
    # Without dropout D learns the 1,000 codes of the training images by heart.
    config.model.dropout = 0.2
    config.eval_metric = "mse"  # the loss holds D's opinion
    config.model.critic_width = 100
    config.optimizers.ae = settings.adam(2e-3, beta_1=0.5, decay="cosine")
    config.optimizers.D = settings.adam(2e-3, beta_1=0.5)
    return config
