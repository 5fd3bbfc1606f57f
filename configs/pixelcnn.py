"""Gated PixelCNN on digits: 32 features, six layers.

python -m train.run --model=pixelcnn
python -m train.run --model=pixelcnn --config.model.conditional=True
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.pixels

# 256 levels in three channels: features in three groups, and a mixture for each channel.
_COLOUR = {"model.width": 48, "model.likelihood": "mixture"}
ON = {
    # Two levels are soon learned.
    "digits_binary": {"steps": 1200, "eval_every": 100},
    "mnist": {"steps": 50_000, "model.width": 64, "model.depth": 7, "model.likelihood": "mixture"},
    "shapes": _COLOUR | {"steps": 5000, "batch_size": 32, "model.dropout": 0.0},
    # PixelCNN++ has 160 features in 36 layers; this is for one GPU.
    "cifar10": _COLOUR
    | {"steps": 200_000, "eval_every": 5000, "model.width": 120, "model.depth": 12},
}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 3000
    config.batch_size = 100
    config.eval_every = 300
    config.model = ConfigDict(dict(width=32, depth=6, dropout=0.3))
    config.optimizers.p = settings.adam(2e-3, decay="cosine")
    return config
