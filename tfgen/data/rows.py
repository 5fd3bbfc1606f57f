"""Examples held as arrays [N, ...], which may be mapped from a file that is larger than memory."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

# Arrays of more bytes are read in portions, never copied whole.
WHOLE = 2**28
PORTION = 256


class Rows:
    """What `ImageData.examples` is where its examples can be had in any order.

    Args: arrays: {feature: [N, ...]}, numbers or text, one example a row.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = {key: _array(value) for key, value in arrays.items()}

    def __call__(self) -> "tf.data.Dataset":
        """The examples in their order."""
        import tensorflow as tf

        with tf.init_scope():  # held once, not as a constant of a graph: those end at 2 GB
            if sum(value.nbytes for value in self.arrays.values()) <= WHOLE:
                return tf.data.Dataset.from_tensor_slices(self.arrays)
            count = len(next(iter(self.arrays.values())))
            starts = tf.data.Dataset.range(0, count, PORTION)
            return starts.map(
                lambda start: self.batch(tf.range(start, tf.minimum(start + PORTION, count)))
            ).unbatch()

    def batch(self, rows: "tf.Tensor") -> "dict[str, tf.Tensor]":
        """The examples of rows, int64 [B] -> {feature: [B, ...]}."""
        import tensorflow as tf

        made = {}
        for key, value in self.arrays.items():
            dtype = tf.string if value.dtype == object else tf.as_dtype(value.dtype)
            taken = tf.numpy_function(value.__getitem__, [rows], dtype, stateful=False)
            made[key] = tf.ensure_shape(taken, [*rows.shape, *value.shape[1:]])
        return made


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What `ImageData.examples` is of files: two of one place have the same examples.

    Attributes: read: its examples in their order, as tf.data; place: which files, and what of them.
    """

    read: "Callable[[], tf.data.Dataset]" = dataclasses.field(compare=False)
    place: str

    def __call__(self) -> "tf.data.Dataset":
        """The examples in their order."""
        return self.read()


def labels_of(data: Any) -> np.ndarray:
    """The labels of an `ImageData` that has such, int32 [N]; of `Rows` without reading images."""
    if isinstance(data.examples, Rows):
        return data.examples.arrays["label"]
    batches = data.examples().map(lambda example: example["label"]).batch(1024)
    return np.concatenate(list(batches.as_numpy_iterator()))


def _array(given: Any) -> np.ndarray:
    """As NumPy; text as UTF-8 bytes, which is how TensorFlow gives it back."""
    found = np.asarray(given)
    if found.dtype.kind != "U":
        return found
    return np.array([text.encode() for text in found.flat], object).reshape(found.shape)
