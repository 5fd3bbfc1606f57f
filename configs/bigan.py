"""BiGAN on digits: the DCGAN's networks and 16 codes.

python -m train.run --model=bigan
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

dcgan = settings.config_file("dcgan")

rule = rules.for_larger(dcgan.rule, {"model.latent_dim": 50})

ON = dcgan.LARGER


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 6000
    config.eval_every = 500
    config.batch_size = 64
    config.model = ConfigDict(dict(latent_dim=16, width=64, depth=2, kernel=4, ema=0.99))
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(2e-4, beta_1=0.5)
    return config
