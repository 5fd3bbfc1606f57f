"""Data sets that are drawn or cut from what a system's packages hold, at each start.

They need no network beyond the package manager, nothing prepared lies on the disk, and they come at
the size that is asked for.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfgen.data.fitting import Fitting
from tfgen.data.in_memory import Held
from tfgen.data.rows import Rows
from tfgen.data.source import ImageData

SIZE = 64  # where `data.size` asks for none


class Packaged(Held):
    """Splits with names of classes; of other features those that are asked for.

    Args: name; parts, {split: {"image", "label", ...}}, as those of `Held`; classes.
    """

    labels = "names"

    def __init__(
        self, name: str, parts: Mapping[str, dict[str, np.ndarray]], classes: Sequence[str]
    ) -> None:
        super().__init__(name, parts, 256, classes)

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """See `Held.load`."""
        data = super().load(split, extra)
        assert isinstance(data.examples, Rows)
        wanted = {"image", "label", *extra}
        held = {key: value for key, value in data.examples.arrays.items() if key in wanted}
        return dataclasses.replace(data, examples=Rows(held), fingerprint=self.fingerprint)


def fitter(fitting: Fitting) -> Callable[[np.ndarray], np.ndarray]:
    """What fits pictures, uint8 [H, W, C], all of one shape; to `SIZE` where none is asked for."""
    import tensorflow as tf

    chosen = dataclasses.replace(fitting, size=fitting.size or (SIZE, SIZE))
    function = tf.function(chosen.fit, autograph=False)

    def fit(picture: np.ndarray) -> np.ndarray:
        if picture.shape == chosen.shape(picture.shape):
            return picture
        return function(tf.constant(picture)).numpy()

    return fit


def split_of(share: float) -> str:
    """The split of a picture whose place is `share`, in [0, 1): eight tenths, one and one."""
    return "train" if share < 0.8 else "validation" if share < 0.9 else "test"


def parts_of(rows: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, np.ndarray]]:
    """(split, example) of each picture -> {split: {feature: [N, ...]}}, in their order."""
    found: dict[str, dict[str, list]] = {}
    for split, example in rows:
        for key, value in example.items():
            found.setdefault(split, {}).setdefault(key, []).append(value)
    return {
        split: {key: np.array(values) for key, values in part.items()}
        for split, part in found.items()
    }
