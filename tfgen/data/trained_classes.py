"""The classes of a data set are those of its training split.

A class that only a held-out split has was never trained on: it is no label to sample by, and a
label that no model knows. Its images are left out of what is held out, and named.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data.rows import labels_of
from tfgen.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

NONE = -1  # in the place of the label of a class that is left out


def of_training(training: Any, held_out: Any, labels: str) -> tuple[Any, Any]:
    """Two splits, `ImageData`, with the classes of the first, the second without other images.

    labels: what they are to the data. "declared": the data say which there are, and those are
      the classes. "numbers": the data's own, up to the largest that is trained on.
      "names": numbered by us, those that are trained on.

    `held_out.left_out` says what was left out.

    Raises: UserError where nothing of the held-out split is left.
    """
    if not training.classes or training.other or labels == "declared":
        return training, held_out
    names = labels == "names"
    known = np.unique(labels_of(training)) if names else np.arange(len(training.classes))
    of_held_out = labels_of(held_out)
    most = max(len(training.classes), 1 + int(of_held_out.max()))
    places = np.full(most, NONE, np.int32)
    places[known] = np.arange(len(known))
    gone = places[of_held_out] == NONE
    classes = tuple(training.classes[i] for i in known)
    if len(classes) < len(training.classes):
        training = _relabelled(training, places, classes)
    if len(classes) < len(held_out.classes) or gone.any():
        words = held_out.classes + tuple(map(str, range(len(held_out.classes), most)))
        others = ", ".join(words[i] for i in np.unique(of_held_out[gone]))
        held_out = _relabelled(held_out, places, classes)
        if gone.all():
            raise UserError(
                f"all images of the split {held_out.split!r} of {held_out.name} are of classes "
                f"that {training.split!r} has no image of: {others}."
            )
        if gone.any():
            held_out = dataclasses.replace(
                held_out,
                size=int((~gone).sum()),
                left_out=f"{gone.sum()} images of {held_out.split!r} are left out: of their "
                f"classes, {others}, {training.split!r} has none",
            )
    return training, held_out


def _relabelled(data: Any, places: np.ndarray, classes: tuple[str, ...]) -> Any:
    """The images whose labels have a place among the classes, with that as their label."""
    import tensorflow as tf

    def kept(example: "dict[str, tf.Tensor]") -> "tf.Tensor":
        return tf.gather(places, example["label"]) != NONE

    def moved(example: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
        return example | {"label": tf.gather(places, example["label"])}

    return dataclasses.replace(
        data, classes=classes, examples=lambda: data.examples().filter(kept).map(moved)
    )
