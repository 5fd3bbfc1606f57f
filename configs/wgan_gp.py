"""WGAN-GP on digits: the DCGAN's networks, three steps of the critic for one of G.

python -m train.run --model=wgan_gp
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")
wgan = settings.config_file("wgan")

# The paper's algorithm 1: a rate of 0.0001, beta_1 = 0, beta_2 = 0.9; for CIFAR-10 the residual
# networks of its appendix F, with 128 latents, and 0.0002 that fall to zero (here in the second
# half, in the authors' code from the start).
PAPER = {
    "batch_size": 5 * 64,
    "model.critic_steps": 5,
    **settings.for_both(learning_rate=1e-4, beta_1=0.0, beta_2=0.9),
}
rule = rules.for_larger(dcgan.rule, PAPER)

CIFAR = dcgan.LARGER["cifar10"] | {
    "model.network": "residual",
    "model.kernel": 3,
    "model.width": 128,
    "model.latent_dim": 128,
    **settings.for_both(learning_rate=2e-4, decay="linear"),
}
# Where the critic has to tell hundredths apart, slopes of more than 1 must be cheap.
POINTS = wgan.POINTS | {"model.penalty_weight": 0.1}
# Coloured sprites of 32 x 32, in a quarter of an hour on two cores.
SHAPES = {
    "steps": 16_000,
    "eval_every": 4000,
    "batch_size": 64,
    "model.critic_steps": 2,
    "model.normalisation": "layer",
    "model.depth": 3,
    "model.width": 32,
    "model.latent_dim": 32,
    "model.ema": 0.999,
    **settings.for_both(learning_rate=1e-3, decay="cosine"),
}
ON = dcgan.LARGER | {"cifar10": CIFAR, "ring": POINTS, "grid": POINTS, "shapes": SHAPES}


def get_config() -> "ConfigDict":
    config = wgan.get_config()
    del config.model.clip  # the penalty is in its place
    config.model.width = 48
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(5e-4, beta_1=0.0, beta_2=0.9)
    return config
