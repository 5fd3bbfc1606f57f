"""VAE on digits: convolutional, a categorical likelihood over the 17 grey levels.

python -m train.run --model=vae
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.coder

# Sprites are there to look into codes. Every combination of factors comes once, so that there is
# nothing to generalise to but the combinations that are held out: no dropout.
SPRITES = {
    "steps": 2500,
    "eval_every": 0,
    "batch_size": 64,
    "model.latent_dim": 10,
    "model.width": 16,
    "model.depth": 2,
    "model.dropout": 0.0,
    # The objective of the papers from the first step on: what presses on codes is compared.
    "model.warmup": 0,
    "optimizers.vae.learning_rate": 1e-3,
}
# A width for all pixels (Rybkin et al. 2021); some 11 minutes of two cores.
PHOTOGRAPHS = {
    "data.size": "64",
    "steps": 1500,
    "eval_every": 0,
    "model.likelihood": "shared_gaussian",
}
ON = {
    "photographs": PHOTOGRAPHS,
    "shapes_binary": SPRITES,
    # With a width of its own for each pixel, the likelihood of 256 levels is a matter of the
    # ground, and sprites are never placed.
    "shapes": SPRITES | {"model.likelihood": "fixed_logistic"},
}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 4000
    config.eval_every = 500  # the weights of the least loss on the validation split are kept
    config.batch_size = 100  # section 5 of the paper
    config.model = ConfigDict(
        dict(
            latent_dim=16,
            network="conv",
            width=32,
            # 1,000 training images: without dropout the bound on held-out digits is 12 nats worse.
            dropout=0.3,
            # Without it more units stay idle, and the bound on held-out digits is 1 nat worse.
            warmup=2000,
        )
    )
    config.optimizers.vae = settings.adam(2e-3, decay="cosine")
    return config
