"""SNGAN on digits: the DCGAN's networks, each layer of D of spectral norm 1.

python -m train.run --model=sngan
"""

from configs import base, dcgan, gan

# For CIFAR-10 the paper's residual networks, table 4: section 4, batches of 64, five steps of D, a
# rate of 0.0002 with beta_1 = 0 and beta_2 = 0.9.
CIFAR = dcgan.CIFAR | {
    "batch_size": 5 * 64,
    "model.critic_steps": 5,
    "model.network": "residual",
    "model.kernel": 3,
    "model.generator_width": 256,
    "model.latent_dim": 128,
    **{f"optimizers.{name}.learning_rate": 2e-4 for name in "GD"},
    **{f"optimizers.{name}.beta_1": 0.0 for name in "GD"},
    **{f"optimizers.{name}.beta_2": 0.9 for name in "GD"},
}
# Coloured sprites of 32 x 32: ten minutes on two busy cores, which give their colours and places,
# and not yet their shapes.
SHAPES = {"steps": 6000, "eval_every": 1000, "model.depth": 3, "model.width": 32}
ON = dcgan.LARGER | {
    "cifar10": CIFAR,
    "ring": gan.POINTS,
    "grid": gan.POINTS,
    "shapes": SHAPES,
}


def get_config():
    config = dcgan.get_config()
    config.model.objective = "hinge"
    config.model.normalisation = "spectral"
    config.model.pooling = "sum"
    # D's slope is bounded: it can learn faster.
    for name in ("G", "D"):
        config.optimizers[name] = base.adam(5e-4, beta_1=0.5)
    return config
