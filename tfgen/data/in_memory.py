"""Images that are in memory already as a data set: arrays, or a tf.data.Dataset of them."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfgen import images
from tfgen.data.pipeline import MEMORY_LIMIT, arrays
from tfgen.data.rows import Rows
from tfgen.data.source import ImageData, Source, splits_of
from tfgen.errors import UserError

NAME = "arrays"


def given(
    data: Any, labels: Any = None, validation: Any = None, levels: int = 256
) -> "ArraySource":
    """What a user gave as data, as a source.

    Args:
      data: uint8 [N, H, W, C] or [N, H, W], or floats in [0, 1], which are rounded to the levels; a
        tf.data.Dataset of such images, of (image, label) or of {"image": ..., "label": ...},
        batched or not; an `ImageData`.
      labels: int [N].
      validation: (images, labels), or images alone; None: a tenth of the data, chosen evenly.
      levels: of a channel.

    Raises: UserError for anything else, in words.
    """
    if isinstance(data, Source):
        raise UserError(f"data is a source: give its name, {data.name!r}, and its settings.")
    classes: Sequence[str] = ()
    if isinstance(data, ImageData):
        levels, classes = data.levels, data.classes
    if hasattr(data, "as_numpy_iterator"):
        data, of_dataset = _collected(data)
        labels = of_dataset if labels is None else labels
    train = _part("data", data, labels, levels)
    return ArraySource(train, _validation(validation, levels), levels, classes)


class Held(Source):
    """Splits of images that are in memory.

    Args:
      name: of the data set.
      parts: {split: {"image": uint8 [N, H, W, C], "label": int32 [N]}}, with or without labels.
      levels: of a channel; classes: their names, by default the numbers.
    """

    labels = "numbers"

    def __init__(
        self,
        name: str,
        parts: Mapping[str, dict[str, np.ndarray]],
        levels: int,
        classes: Sequence[str] = (),
    ) -> None:
        self.parts, self.levels = parts, levels
        self.classes = tuple(classes) or _classes(parts)
        counts = {split: len(part["image"]) for split, part in parts.items()}
        super().__init__(name, splits_of(counts))

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of all images and labels."""
        digest = hashlib.sha256()
        for name, part in sorted(self.parts.items()):
            for key, value in sorted(part.items()):
                digest.update(f"{name} {key} {value.dtype} {value.shape}".encode())
                digest.update(np.ascontiguousarray(value).data)
        return digest.hexdigest()[:16]

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """The split as `ImageData`.  Raises: UserError for a bad split."""
        parts = self.instructions(split)
        held = {
            key: np.concatenate([self.parts[name][key][start:stop] for name, start, stop in parts])
            for key in self.parts[parts[0][0]]
        }

        return ImageData(
            self.name,
            split,
            len(held["image"]),
            held["image"].shape[1:],
            self.levels,
            self.classes,
            parts,
            Rows(held),
        )


class ArraySource(Held):
    """A user's arrays, with the splits "train" and, where one was given, "validation".

    Args:
      train, validation: as the parts of `Held`; validation may be None.
    """

    def __init__(
        self,
        train: dict[str, np.ndarray],
        validation: dict[str, np.ndarray] | None,
        levels: int,
        classes: Sequence[str] = (),
    ) -> None:
        if validation is None:
            # The last tenth is held out: in an order of its own, so that it is of all classes.
            order = np.random.default_rng(0).permutation(len(train["image"]))
            parts = {"train": {key: value[order] for key, value in train.items()}}
        else:
            _check_alike(train, validation)
            parts = {"train": train, "validation": validation}
        super().__init__(NAME, parts, levels, classes)

    def check_fingerprint(self, wanted: str) -> None:
        """Raises: UserError where these are not the arrays that a run was trained on."""
        if self.fingerprint != wanted:
            raise UserError(
                f"these arrays have the fingerprint {self.fingerprint}, and the run was trained on "
                f"{wanted or 'data with a name'}: give the same data, labels and validation."
            )


def _part(name: str, given: Any, labels: Any, levels: int) -> dict[str, np.ndarray]:
    """{"image", "label"} as the pipeline wants them.  Raises: UserError."""
    if isinstance(given, ImageData):
        held = arrays(given)
        given, labels = held["image"], held.get("label")
    part = {"image": images.levels_of(name, given, levels)}
    channels = part["image"].shape[-1]
    if channels not in (1, 3):
        raise UserError(f"{name} has {channels} channels; wanted is 1 (grey) or 3 (RGB).")
    if labels is not None:
        part["label"] = images.labels_of(labels, len(part["image"]))
    return part


def _validation(given: Any, levels: int) -> dict[str, np.ndarray] | None:
    if given is None:
        return None
    pictures, labels = given if isinstance(given, tuple) else (given, None)
    return _part("validation", pictures, labels, levels)


def _check_alike(train: Mapping[str, np.ndarray], validation: Mapping[str, np.ndarray]) -> None:
    """Raises: UserError where a validation part does not go with the training part."""
    one, two = (part["image"].shape[1:] for part in (train, validation))
    if one != two:
        raise UserError(f"validation has images of {two}, and data of {one}.")
    if set(train) != set(validation):
        with_labels, without = (
            ("data", "validation") if "label" in train else ("validation", "data")
        )
        raise UserError(f"{with_labels} has labels and {without} has none: give both, or neither.")


def _classes(parts: Mapping[str, Mapping[str, np.ndarray]]) -> tuple[str, ...]:
    """The numbers up to the largest label that is trained on, as names."""
    if "label" not in parts["train"]:
        return ()
    return tuple(map(str, range(1 + int(parts["train"]["label"].max()))))


def _collected(dataset: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """(images, labels or None) of a tf.data.Dataset.

    Raises: UserError for elements of another kind, and for more than memory should hold.
    """
    found, labels, size = [], [], 0
    for element in dataset.as_numpy_iterator():
        image, label = _image_and_label(element)
        found.append(image if image.ndim == 4 else image[None])
        labels += [] if label is None else list(np.atleast_1d(label))
        size += found[-1].nbytes
        if size > 4 * MEMORY_LIMIT:
            raise UserError(
                "the tf.data.Dataset holds more than 4 GiB or has no end: take(n) of it, or write "
                "the images to a folder and give its path."
            )
    if not found:
        raise UserError("the tf.data.Dataset is empty.")
    return np.concatenate(found), np.array(labels) if labels else None


def _image_and_label(element: Any) -> tuple[np.ndarray, Any]:
    image: Any
    label: Any
    if isinstance(element, dict):
        image, label = element.get("image"), element.get("label")
    elif isinstance(element, tuple):
        image, label = (*element, None)[:2]
    else:
        image, label = element, None
    if getattr(image, "ndim", 0) not in (3, 4):
        raise UserError(
            "the tf.data.Dataset has elements without an image [H, W, C]: wanted are images, "
            '(image, label), or {"image": ..., "label": ...}.'
        )
    return image, label
