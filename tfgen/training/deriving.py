"""The settings that follow from the data, once these are open; a notice of steps that are long."""

import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING

from tfgen import rules, settings
from tfgen.errors import Notice

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData

# Seconds of a step on two cores from which on a user is told.
LONG = 1.0


def derive(
    model: str, config: "ConfigDict", training: "ImageData", given: Collection[str]
) -> list[str]:
    """Sets in the config what the model's rule makes of the data, and names it.

    given: the dotted names of what the user chose, which stands.

    Raises: UserError for pictures that the model cannot have, and for settings that do not fit one
      another.
    """
    data = rules.Data(*training.shape, levels=training.levels, count=training.size)
    found = settings.derive(model, config, data, given)
    settings.check(config, model)
    if found.seconds > LONG:
        hours = found.seconds * config.steps / 3600
        warnings.warn(
            f"on two cores a step takes some {found.seconds:.2g} s, and {config.steps} steps "
            f"{hours:.2g} hours: use a GPU, or give `data.size`, `batch_size` or `steps`.",
            Notice,
            stacklevel=2,
        )
    return list(found.values)
