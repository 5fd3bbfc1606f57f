"""Adversarial autoencoder on digits: the autoencoder's networks, 8 normal codes.

python -m train.run --model=adversarial_autoencoder
Figure 4 of the paper: --config.model.latent_dim=2 --config.model.prior=swiss_roll
--config.model.labels=True
"""

from configs import autoencoder, base


def get_config():
    config = autoencoder.get_config()
    config.model.prior = "normal"
    config.model.labels = False
    config.model.adversarial_weight = 1.0
    config.model.critic_width = 200
    config.model.components = 0
    config.optimizers.D = base.adam(1e-3, beta_1=0.5)
    return config
