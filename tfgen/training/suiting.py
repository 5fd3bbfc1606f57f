"""A notice where images are larger than those that a config's settings were chosen for."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfgen import settings
from tfgen.errors import Notice

if TYPE_CHECKING:
    from ml_collections import ConfigDict

# Pixels a side of the sets that config files train on, and of those that they have settings for.
SIDES = {"digits": 8, "digits_binary": 8, "digit_styles": 16, "shapes_by_caption": 32}
KNOWN = {"mnist": 28, "fashion_mnist": 28, "cifar10": 32, "celeb_a": 64}


def look(model: str, config: "ConfigDict", shape: Sequence[int]) -> None:
    """Warns by a `Notice` of images [H, W, C] of twice the side or more that settings are made for.

    Not where a user has chosen settings of the model, nor for a set that the config file names.
    """
    default, on = settings.find(model), getattr(settings.config_file(model), "ON", {})
    made_for, side = default.data.name, max(shape[:2])
    chosen = config.model.to_dict() != default.model.to_dict()
    if chosen or config.data.name in on or side < 2 * SIDES.get(made_for, side):
        return
    near = [name for name in on if KNOWN.get(name, side + 1) <= side]
    nearest = max(near, key=lambda name: KNOWN[name], default="")
    better = " ".join(
        f"`{key}={value}`"
        for key, value in on.get(nearest, {}).items()
        if key.startswith("model.") or key == "steps"
    )
    advice = f"Those for {nearest} are {better}." if better else "Try more steps, a larger model."
    warnings.warn(
        f"the settings are those for {made_for}, of {SIDES[made_for]} pixels a side, and the "
        f"images are {'x'.join(map(str, shape))}: samples may be poor. {advice}",
        Notice,
        stacklevel=2,
    )
