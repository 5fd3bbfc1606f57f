"""BEGAN on digits: the networks of the paper, narrower, in G and in D, which is an autoencoder.

python -m train.run --model=began
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

# Section 4.1 of the paper: batches of 16, codes and latents of 64, rates of 0.0001, samples of G
# itself, and images halved to 8x8 whatever their size.
PAPER = {
    "batch_size": 16,
    "model.latent_dim": 64,
    "model.code_dim": 64,
    "model.width": 128,
    "model.gamma": 0.5,
    "model.k_rate": 0.001,
    "model.ema": 0.0,
    "optimizers.G.learning_rate": 1e-4,
    "optimizers.D.learning_rate": 1e-4,
}
rule = rules.for_larger(rules.began, PAPER)

ON = {"cifar10": {"data.size": "32"}, "celeb_a": {"data.size": "64"}}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 1000
    config.eval_every = 100  # modes are lost again as D learns to reconstruct more
    config.save_every = 500
    config.batch_size = 32
    config.model = ConfigDict(
        dict(
            # G meets a balance below 1 with few kinds of digits, and k, which would drive it on,
            # falls: with 0.7 three classes are left after 1,000 steps (one run).
            gamma=1.0,
            # A run of the paper is a hundred times as long: k has to arrive sooner.
            k_rate=0.3,
            code_dim=16,
            latent_dim=16,
            width=12,
            depth=1,
            ema=0.99,
        )
    )
    config.optimizers.G = settings.adam(5e-4, beta_1=0.5)
    config.optimizers.D = settings.adam(1e-3, beta_1=0.5)
    return config
