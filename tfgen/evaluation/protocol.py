"""What a number depends on besides the model: data, splits, counts, seed, features, definitions."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import data
from tfgen.errors import UserError

if TYPE_CHECKING:
    from tfgen.data.source import Source
    from tfgen.model import GenerativeModel


# Training noise and pictures use small seeds; samples that are measured are others.
FIRST_SEED = 1_000_000
MOST_SAMPLES = 10_000
MOST_BOUNDED = 2500  # images whose likelihood takes many draws each
# Of what the numbers mean. Raised when the definition of one changes, not when one is added, for
# then all have to be measured again; `tests/evaluation/test_protocol.py` holds their values.
VERSION = 3


@dataclasses.dataclass(frozen=True)
class Protocol:
    """All that a number depends on besides the model.

    Args:
      data, size, train, split: the data set, its crop, the split that models, features and
        baselines are fitted to, and the split that they are measured on.
      n: how many samples are drawn; they are compared with as many held-out images, or all.
      seed: of the samples (they are the seeds from here on), subsets and baselines.
      k: importance samples of the likelihood's bound.
      features, features_hash: what images are compared in.
      nll_n: the likelihood is that of the first so many held-out images; None: of all.
      version: of the definitions; see `VERSION`.
    """

    data: str
    size: int
    train: str
    split: str
    n: int
    seed: int
    k: int
    features: str
    features_hash: str
    version: int = VERSION
    nll_n: int | None = None


def check_same(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    names: tuple[str, str] = ("the first", "the second"),
) -> None:
    """Refuses to compare numbers of different protocols.

    Raises: UserError that names every difference.
    """
    different = [
        f"  {key}: {one.get(key)!r} in {names[0]}, {other.get(key)!r} in {names[1]}"
        for key in sorted({*one, *other})
        # As text: in files of 0.1 the size is a number.
        if str(one.get(key)) != str(other.get(key))
    ]
    if different:
        raise UserError(
            "these results cannot be compared, their protocols differ:\n" + "\n".join(different)
        )


@dataclasses.dataclass(frozen=True)
class Splits:
    """The images that a run was trained on, and those that it is measured on, as arrays."""

    about: data.ImageData  # of the training split: levels, classes, names of factors
    train: dict[str, np.ndarray]
    held_out: dict[str, np.ndarray]
    left_out: str = ""  # which images of the held-out split are not among these, a clause

    @classmethod
    def load(
        cls, source: "Source", train: str, split: str, model: "GenerativeModel | None" = None
    ) -> "Splits":
        """The splits, with what the model wants of the data.

        Raises: UserError if the two splits share images.
        """
        extra = ("factors", "truth", *(model.data_features if model else ()))
        training, held_out = source.pair(train, split, extra)
        if model:
            training, held_out = model.prepare_data(training), model.prepare_data(held_out)
        if training.overlaps(held_out):
            raise UserError(
                f"the split {split!r} shares images with {train!r}, which the model was trained "
                "on: choose another `split`."
            )
        return cls(training, data.arrays(training), data.arrays(held_out), held_out.left_out)

    def unit(self, levels: np.ndarray) -> np.ndarray:
        """Integer levels -> float32 in [0, 1]."""
        return levels.astype(np.float32) / np.float32(self.about.levels - 1)

    def quantised(self, images: np.ndarray) -> np.ndarray:
        """Images in [0, 1] at the data's own levels, as a file of them would hold."""
        return self.unit(np.round(np.clip(images, 0, 1) * (self.about.levels - 1)))


def flat(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] -> [N, H * W * C]."""
    return images.reshape(len(images), -1)
