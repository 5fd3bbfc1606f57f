"""GSN on digits: salt and pepper on three pixels in twenty, two turns of walkback.

python -m train.run --model=gsn
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.gsn


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 2000
    config.batch_size = 100
    config.eval_every = 500
    config.eval_metric = "loss"
    config.model = ConfigDict(
        dict(
            width=300,
            dropout=0.3,
            # With the paper's 0.4 little is left of 64 pixels, and samples are blurs.
            strength=0.15,
            walkback=2,
            steps=100,
        )
    )
    config.optimizers.gsn = settings.adam(2e-3, decay="cosine")
    return config
