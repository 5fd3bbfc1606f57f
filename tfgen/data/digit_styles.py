"""The embedded `digit_styles`: unpaired digits in two styles, whose true translation is known.

Domain X has digits as they are, enlarged to 16x16; domain Y has *other* digits in blue ink on
yellow paper, and slanted: inverted, coloured and sheared, all by one function of the image
(`styled`). So what a model that never saw a pair makes of an image can be held against the truth.

The splits are those of `digits`, halved: trainA, validationA, testA are X, the first half of each;
trainB, validationB, testB are Y, the second half. The feature `truth` is the same digit in the
other style; training does not ask for it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfgen.data.digits import SPLITS

SIDE = 16
INK, PAPER = np.array([35, 45, 140.0]), np.array([250, 215, 90.0])
SLANT = 0.25  # pixels to the right for each one upwards


def plain(digit: np.ndarray) -> np.ndarray:
    """Levels 0 .. 16, [8, 8] -> uint8 [16, 16, 3], white on black."""
    grey = _enlarged(digit, 0.0)
    return np.round(255 * grey[..., None].repeat(3, axis=-1)).astype(np.uint8)


def styled(digit: np.ndarray) -> np.ndarray:
    """Levels 0 .. 16, [8, 8] -> uint8 [16, 16, 3], slanted, blue on yellow."""
    grey = _enlarged(digit, SLANT)[..., None]
    return np.round(PAPER + grey * (INK - PAPER)).astype(np.uint8)


def _enlarged(digit: np.ndarray, slant: float) -> np.ndarray:
    """Between the pixels of a digit by two straight lines: in [0, 1], [16, 16]."""
    from scipy.ndimage import map_coordinates

    middle = (SIDE - 1) / 2
    row, column = np.mgrid[:SIDE, :SIDE].astype(float)
    column = column + slant * (row - middle)
    # Of the centre of a pixel, in pixels twice as large.
    at = [(row + 0.5) / 2 - 0.5, (column + 0.5) / 2 - 0.5]
    return map_coordinates(digit / 16.0, at, order=1, mode="constant")


class DigitStyles(tfds.core.GeneratorBasedBuilder):
    """Digits in two styles, unpaired; `truth` is each image in the other style."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(SIDE, SIDE, 3))
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": image,
                    "truth": image,
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        found = {}
        for name, (start, stop) in SPLITS.items():
            middle = (start + stop) // 2
            found[f"{name}A"] = self._generate_examples(start, middle, (plain, styled))
            found[f"{name}B"] = self._generate_examples(middle, stop, (styled, plain))
        return found

    def _generate_examples(
        self, start: int, stop: int, styles: Any
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        for i in range(start, stop):
            image, truth = (style(digits.images[i]) for style in styles)
            yield i, {"image": image, "truth": truth, "label": int(digits.target[i])}
