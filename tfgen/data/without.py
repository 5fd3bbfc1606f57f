"""A data set without the images of one class, to see what a model makes of what it never saw."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfgen.data.rows import labels_of
from tfgen.data.source import Source
from tfgen.errors import UserError, one_of

if TYPE_CHECKING:
    import tensorflow as tf

    from tfgen.data.source import ImageData


def without(source: Source, leave_out: str) -> Source:
    """The source, less a class where `leave_out` names one that it has still."""
    gone = isinstance(source, WithoutClass) and source.leave_out == leave_out
    return WithoutClass(source, leave_out) if leave_out and not gone else source


class WithoutClass(Source):
    """The splits of another source, less a class; labels after it move down by one."""

    def __init__(self, source: Source, leave_out: str) -> None:
        super().__init__(source.name, source.splits)
        self.source, self.leave_out = source, leave_out
        self.labels = source.labels

    def load(self, split: str, extra: Sequence[str] = ()) -> "ImageData":
        """The split as `ImageData`.

        Raises: UserError for a bad split, data without labels, or a class that is none of theirs.
        """
        import tensorflow as tf

        data = self.source.load(split, extra)
        if not data.classes:
            raise UserError(f"{self.name} has no classes, of which one could be left out.")
        one_of(f"class of {self.name}", self.leave_out, data.classes)
        gone = data.classes.index(self.leave_out)

        def kept(example: "dict[str, tf.Tensor]") -> "tf.Tensor":
            return example["label"] != gone

        def moved(example: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
            label = example["label"]
            return example | {"label": label - tf.cast(label > gone, tf.int32)}

        size = int((labels_of(data) != gone).sum())
        classes = data.classes[:gone] + data.classes[gone + 1 :]
        return dataclasses.replace(
            data,
            size=size,
            classes=classes,
            examples=lambda: data.examples().filter(kept).map(moved),
        )
