"""SNGAN on digits: the DCGAN's networks, each layer of D of spectral norm 1.

python -m train.run --model=sngan
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


dcgan = settings.config_file("dcgan")
gan = settings.config_file("gan")

# Of the paper's settings of Adam (table 1) that of the DCGAN, whose networks these are: its C.
PAPER = settings.for_both(learning_rate=2e-4, beta_1=0.5, beta_2=0.999)
rule = rules.for_larger(dcgan.rule, PAPER)

# For CIFAR-10 the paper's residual networks, table 4: section 4, batches of 64, five steps of D, a
# rate of 0.0002 with beta_1 = 0 and beta_2 = 0.9; 128 latents, as the authors have them, and a
# rate that falls to zero (here in the second half, in their code from the start).
CIFAR = dcgan.LARGER["cifar10"] | {
    "batch_size": 5 * 64,
    "model.critic_steps": 5,
    "model.network": "residual",
    "model.kernel": 3,
    "model.width": 128,
    "model.generator_width": 256,
    "model.latent_dim": 128,
    **settings.for_both(learning_rate=2e-4, beta_1=0.0, beta_2=0.9, decay="linear"),
}
# Coloured sprites of 32 x 32: ten minutes on two busy cores, which give their colours and places,
# and not yet their shapes.
SHAPES = {
    "steps": 6000,
    "eval_every": 1000,
    "batch_size": 64,
    "model.depth": 3,
    "model.width": 32,
    "model.ema": 0.99,
    **settings.for_both(learning_rate=5e-4),
}
ON = dcgan.LARGER | {
    "cifar10": CIFAR,
    "ring": gan.POINTS,
    "grid": gan.POINTS,
    "shapes": SHAPES,
}


def get_config() -> "ConfigDict":
    config = dcgan.get_config()
    # D's slope is bounded: on digits it can learn faster than the paper's 0.0002.
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(5e-4, beta_1=0.5)
    return config
