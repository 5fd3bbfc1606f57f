"""DCGAN on digits: two halvings, 8x8 -> 2x2, and an average of G's weights for samples.

python -m train.run --model=dcgan
"""

from typing import TYPE_CHECKING

from tfgen import rules, settings

if TYPE_CHECKING:
    from ml_collections import ConfigDict


gan = settings.config_file("gan")

rule = rules.gan

# Faces are cut to 64 pixels, as in figure 1.
LARGER = {"cifar10": {"data.size": "32"}, "celeb_a": {"data.size": "64"}}
# Coloured sprites of 32 x 32: ten minutes on two cores.
SHAPES = {
    "steps": 24_000,
    "save_every": 2000,
    "eval_every": 0,
    "batch_size": 64,
    "model.depth": 3,
    "model.width": 32,
    "model.latent_dim": 32,
    "model.ema": 0.999,
}
# Photographs of 64 x 64: a quarter of the filters of figure 1; in bfloat16 17 minutes of two cores.
# Of 2,144 patches D learns each by heart, and wins within 1,000 steps: it sees them changed, and
# learns half as fast. The last weights are kept, for the validation split is another scene.
PHOTOGRAPHS = {
    "data.size": "64",
    "steps": 4000,
    "save_every": 1000,
    "eval_every": 0,
    "batch_size": 64,
    "model.depth": 4,
    "model.width": 32,
    "model.ema": 0.999,
    "model.augment": "color,translation",
    "optimizers.D.learning_rate": 1e-4,
}
# The few pictures of a font: D learns these by heart, too.
EMOJI = PHOTOGRAPHS | {"steps": 6000, "eval_every": 1000}
ON = LARGER | {"shapes": SHAPES, "photographs": PHOTOGRAPHS, "emoji": EMOJI}


def get_config() -> "ConfigDict":
    config = gan.get_config()
    config.steps = 5000
    config.eval_every = 500
    config.model.width = 64
    config.model.depth = 2
    # Divisible by the stride: every pixel gets as many taps (Odena et al. 2016).
    config.model.kernel = 4
    # The rates, 0.0002 with beta_1 = 0.5, are those of section 4 of the paper.
    return config
