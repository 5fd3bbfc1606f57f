"""PixelRNN on digits: Row LSTM; the Diagonal BiLSTM by choice.

python -m train.run --model=pixelrnn
python -m train.run --model=pixelrnn --config.model.recurrence=diagonal
"""

from ml_collections import ConfigDict

from tfgen import rules, settings

rule = rules.pixels

# 256 levels in three channels: features in three groups, and a mixture for each channel.
_COLOUR = {"model.width": 48, "model.likelihood": "mixture"}
ON = {
    # Two levels are soon learned.
    "digits_binary": {"steps": 800, "eval_every": 100},
    "shapes": _COLOUR | {"steps": 5000, "batch_size": 32, "model.dropout": 0.0},
    # Section 5.6 of the paper: 12 layers of 128 features; this is for one GPU.
    "cifar10": _COLOUR
    | {"steps": 200_000, "eval_every": 5000, "model.width": 126, "model.depth": 12},
}


def get_config() -> ConfigDict:
    config = settings.defaults()
    config.steps = 1500
    config.batch_size = 100
    config.eval_every = 100
    config.model = ConfigDict(dict(width=32, depth=3, dropout=0.3))
    config.optimizers.p = settings.adam(2e-3, decay="cosine")
    return config
