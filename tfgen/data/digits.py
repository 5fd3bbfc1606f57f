"""The embedded `digits` set: 1,797 real handwritten digits, 8x8, 17 grey levels, from scikit-learn.

E. Alpaydin and C. Kaynak. Optical Recognition of Handwritten Digits. UCI Machine Learning
Repository, 1998 (CC BY 4.0). The images ship inside scikit-learn, so nothing is downloaded.

The splits are train 1000, validation 350, test 447 in file order, those of the code of J.
Tomczak's book "Deep Generative Modeling", so that numbers compare. File order separates writers:
the test digits are by other hands than the training digits, which makes this split harder than a
random one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

SPLITS = {"train": (0, 1000), "validation": (1000, 1350), "test": (1350, 1797)}


BINARY_FROM = 8


class Digits(tfds.core.GeneratorBasedBuilder):
    """8x8 grey digits. `image` holds levels 0..16, not 0..255; `metadata["levels"]` says so."""

    VERSION = tfds.core.Version("1.0.0")
    levels = 17

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            metadata=tfds.core.MetadataDict(levels=self.levels),
            homepage="https://archive.ics.uci.edu/dataset/80",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {name: self._generate_examples(*rows) for name, rows in SPLITS.items()}

    def _generate_examples(self, start: int, stop: int) -> Iterator[tuple[int, dict[str, Any]]]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        for i in range(start, stop):
            image = self.of_levels(digits.images[i].astype(np.uint8)[..., None])
            yield i, {"image": image, "label": int(digits.target[i])}

    def of_levels(self, image: np.ndarray) -> np.ndarray:
        return image


class DigitsBinary(Digits):
    """The digits in two levels, 0 and 1."""

    levels = 2

    def of_levels(self, image: np.ndarray) -> np.ndarray:
        return (image >= BINARY_FROM).astype(np.uint8)
