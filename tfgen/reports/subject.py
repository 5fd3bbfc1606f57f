"""What figures are drawn of: a model, images that its training has not seen, what its run left."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen import latents
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.data.points import MIXTURES
from tfgen.reports.kept_codes import KeptCodes

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


MOST = 2500  # images that figures read, and samples of points
SAMPLES = 64
SHOWN = 48  # three rows of images


@dataclasses.dataclass(eq=False)
class Subject:
    """A model and what is at hand to show what it does. Each part is made when it is asked for.

    Args:
      model: the `GenerativeModel`, which may be trained on meanwhile.
      read: gives the arrays of held-out images, as `data.arrays` has them.
      classes: the names of labels.
      train: the training images, uint8 levels [N, H, W, C], where they are at hand.
      grids: {step: path} of the pictures that training has left.
      kept: what the run has kept of held-out images, where those are not at hand.
      data: the data set's name.
    """

    model: "GenerativeModel"
    read: Callable[[], Mapping[str, np.ndarray]]
    classes: Sequence[str] = ()
    train: np.ndarray | None = None
    grids: Mapping[int, Path] = dataclasses.field(default_factory=dict)
    kept: KeptCodes | None = None
    data: str = ""

    def has(self, need: str) -> bool:
        """Whether there is what a figure needs: one of `OTHER_NEEDS`, or a method of the model."""
        return OTHER_NEEDS[need](self) if need in OTHER_NEEDS else self.model.can(need)

    @property
    def points(self) -> bool:
        """Whether its images are points of the plane."""
        return self.model.image_shape[:2] == (1, 1)

    def unit(self, levels: np.ndarray) -> np.ndarray:
        """Integer levels -> float32 in [0, 1]."""
        return levels.astype(np.float32) / np.float32(self.model.levels - 1)

    def quantised(self, images: np.ndarray) -> np.ndarray:
        """Images in [0, 1] at the data's own levels, as a file of them would hold."""
        return self.unit(np.round(np.clip(images, 0, 1) * (self.model.levels - 1)))

    @functools.cached_property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """The first rows of what is held out."""
        return {name: array[:MOST] for name, array in self.read().items()}

    def first(self, count: int = SHOWN, name: str = "image") -> np.ndarray:
        """The first held-out images, float32 [count, H, W, C] in [0, 1]; "other": of domain Y."""
        return self.unit(self.arrays[name][:count])

    @functools.cached_property
    def images(self) -> np.ndarray:
        """As many as figures of codes read, float32 [N, H, W, C] in [0, 1]."""
        return self.first(MOST)

    @property
    def labels(self) -> np.ndarray | None:
        return self.kept.labels if self.kept else self.arrays.get("label")

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """The means of the images' codes, [N, Z]."""
        return self.kept.codes if self.kept else latents.encode(self.model, self.images)

    @functools.cached_property
    def amount(self) -> np.ndarray:
        """What each unit of the codes carries, [Z]; see `latents.by_information`."""
        if self.kept:
            return self.kept.amount
        return latents.by_information(self.model, self.images)[1]

    @functools.cached_property
    def light(self) -> np.ndarray:
        """How bright each image is, [N]."""
        return self.kept.light if self.kept else latents.light(self.images)

    @property
    def count(self) -> int:
        """How many samples are shown: points tell nothing but in crowds."""
        return MOST if self.points else SAMPLES

    @functools.cached_property
    def sample(self) -> Callable[[], tf.Tensor]:
        """Samples of the seeds 0 to `count` - 1, [count, H, W, C], by the model as it then is."""
        model = self.model
        rows = conditions.defaults(model.condition, self.count)
        return compiled(lambda: model.sample(tf.range(self.count), rows))

    @functools.cached_property
    def translate(self) -> Callable[[np.ndarray, str], tf.Tensor]:
        """The model's own, traced once."""
        return compiled(self.model.translate)


def _plane(subject: Subject) -> bool:
    code = subject.model.encode(np.zeros((1, *subject.model.image_shape), np.float32))
    return code["mean"].shape[1] == 2 and "log_var" in code


# What figures need beside methods of the model.
OTHER_NEEDS: dict[str, Callable[[Subject], bool]] = {
    "training images": lambda subject: subject.train is not None,
    "sample grids": lambda subject: bool(subject.grids),
    "images": lambda subject: subject.kept is None,
    "labels": lambda subject: subject.labels is not None,
    "samples by class": lambda subject: bool(subject.model.num_classes),
    "samples by caption": lambda subject: isinstance(subject.model.condition, conditions.Captions),
    "several images": lambda subject: len(subject.images) > 1,
    "a known mixture": lambda subject: subject.data in MIXTURES,
    "a prior": lambda subject: hasattr(subject.model, "prior"),
    "a plane of codes": _plane,  # of a VAE, whose prior fills it
}
