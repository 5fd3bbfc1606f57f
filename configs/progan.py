"""Progressive GAN on digits: 4x4 for 400 steps, then 8x8.

python -m train.run --model=progan
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

# Appendix A.1: 800,000 images of 4x4; for each size more as many within its fade, and again as
# many after it, in batches of 16; at most 512 features of a pixel.
PAPER = {
    "batch_size": 16,
    "model.latent_dim": 512,
    "model.width": 512,
    "model.base": 8192,
    "model.schedule": "50000,100000",
    "model.ema": 0.999,
    **{f"optimizers.{name}.learning_rate": 1e-3 for name in "GD"},
    **{f"optimizers.{name}.decay": "none" for name in "GD"},
}
rule = rules.for_larger(rules.growing, PAPER)

# Coloured sprites of 32 x 32, at the cost of wgan_gp's on them: half as many features for each
# doubling, and the largest images in smaller batches, as in the paper.
SHAPES = {
    "steps": 12_000,
    "save_every": 500,
    "eval_every": 0,
    "batch_size": 64,
    "model.latent_dim": 32,
    "model.width": 48,
    "model.base": 256,
    "model.schedule": "500,1000,2000",
    "model.divisors": "1,1,1,2",
    "model.ema": 0.999,
    **settings.for_both(learning_rate=4e-3, decay="linear"),
}
# Photographs of 64 x 64: ten minutes on two cores, in bfloat16.
PHOTOGRAPHS = SHAPES | {
    "data.size": "64",
    "steps": 5000,
    "batch_size": 32,
    "model.latent_dim": 64,
    "model.width": 64,
    "model.base": 512,
    "model.schedule": "400,600,800,1000",
    "model.divisors": "1,1,1,1,2",
}
ON = {
    "shapes": SHAPES,
    "photographs": PHOTOGRAPHS,
    "emoji": PHOTOGRAPHS,
    "cifar10": {"data.size": "32"},
    "celeb_a": {"data.size": "128"},
}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 6000
    config.batch_size = 64
    config.eval_every = 500
    config.model = ConfigDict(dict(width=32, base=128, schedule="400,1000", ema=0.995))
    # The paper's moments, appendix A.1; its rate, .001 throughout, suits 12 million images, for an
    # equalised layer takes steps of the rate times its gain / sqrt(inputs), some .08. Validation:
    # FDC 5.67 with .001; 5.24, 3.80 and 4.17 with .002, .004 and .008, falling to zero; sprites of
    # 16x16 after 3,000 steps 37.7 with .001, 9.0 with .004.
    for name in ("G", "D"):
        config.optimizers[name] = settings.adam(4e-3, beta_1=0.0, beta_2=0.99, decay="linear")
    return config
