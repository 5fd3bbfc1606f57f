"""Images and labels as users have them -> as models and pipelines want them."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tfgen.errors import UserError

OUTSIDE = 0.1  # how far numbers may lie beside [0, 1]: what eight bits make of 0 and 1 does
MOST_CLASSES = 100_000  # more than that are names or hashes of something, and no classes


def levels_of(name: str, given: Any, levels: int) -> np.ndarray:
    """Images as levels: uint8 [N, H, W, C], or uint16 where there are more than 256.

    Args:
      name: what an error calls them.
      given: whole levels, or floats in [0, 1]; [N, H, W] is taken as grey.

    Raises: UserError that says what is wanted.
    """
    try:
        images = np.asarray(given)
    except ValueError:
        raise UserError(f"{name} holds images of several shapes; wanted is one array.") from None
    wanted = "images [N, height, width, channels], uint8 or floats in [0, 1]"
    if images.dtype.kind not in "buif":
        raise UserError(f"{name} is an array of {images.dtype}; wanted are {wanted}.")
    if images.dtype.kind == "b":
        images = images.astype(np.float32)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not images.size:
        raise UserError(f"{name} has the shape {np.shape(given)}; wanted are {wanted}.")
    if images.dtype.kind == "f":
        if not np.isfinite(images).all():
            raise UserError(f"{name} holds numbers that are not finite; wanted are {wanted}.")
        low, high = float(images.min()), float(images.max())
        if low < 0 or high > 1:
            raise UserError(
                f"{name} holds floats from {low:g} to {high:g}; wanted are {wanted}: scale them, "
                "or cast levels from 0 to 255 to uint8."
            )
        images = np.round(images * (levels - 1))
    low, high = int(images.min()), int(images.max())
    if low < 0 or high >= levels:
        raise UserError(
            f"{name} holds levels from {low} to {high}; of {levels} levels 0 to {levels - 1} are "
            "wanted."
        )
    return images.astype(np.uint8 if levels <= 256 else np.uint16)


def eight_bits(images: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1] -> uint8 levels of the same shape; what lies beside is brought there."""
    return np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def in_unit(name: str, given: Any, levels: int) -> Any:
    """Images as a model's methods take them: floats in [0, 1] as they are, whole levels scaled.

    Of a tensor within a tf.function, which has no numbers yet, the type alone is looked at.

    Raises: UserError for numbers that lie well outside [0, 1], as 0 to 255 or -1 to 1.
    """
    import tensorflow as tf

    x = tf.convert_to_tensor(given)
    whole = x.dtype.is_integer
    if whole:
        x = tf.cast(x, tf.float32) / (levels - 1)
    elif x.dtype == tf.bool or not tf.is_tensor(given):
        x = tf.cast(x, tf.float32)
    if hasattr(x, "numpy"):
        low, high = (float(edge(x)) for edge in (tf.reduce_min, tf.reduce_max))
        if low < -OUTSIDE or high > 1 + OUTSIDE:
            scale = levels - 1 if whole else 1
            found = f"{'levels' if whole else 'floats'} from {low * scale:g} to {high * scale:g}"
            raise UserError(
                f"{name} takes images as floats in [0, 1], or as whole levels, 0 to {levels - 1}. "
                f"Given are {found}."
            )
    return x


def taking_images(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A model's method of images: of what is given first `in_unit` makes them.

    It raises UserError for images of another shape than the model's, and as `in_unit` does.
    """

    @functools.wraps(method)
    def taken(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        bound = method.__get__(self, type(self))
        x = in_unit(name, x, self.levels)
        if x.shape.rank not in (None, 4) or not x.shape[1:].is_compatible_with(self.image_shape):
            raise UserError(
                f"{name} takes images [N, H, W, C] of {tuple(self.image_shape)}. Given are "
                f"{tuple(x.shape)}."
            )
        return bound(x, *args, **kwargs)

    return taken


def labels_of(given: Any, count: int) -> np.ndarray:
    """Labels as int32 [N].

    Raises: UserError for another shape, as that of one-hot rows, or numbers that are none.
    """
    labels = np.asarray(given)
    if labels.shape != (count,):
        more = ", which looks one-hot: take its argmax" if labels.ndim == 2 else ""
        raise UserError(f"labels have the shape {labels.shape}{more}; wanted is ({count},).")
    wanted = "wanted are the numbers of classes, from 0 on"
    if labels.dtype.kind not in "bui":
        raise UserError(f"labels are {labels.dtype}; {wanted}.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= MOST_CLASSES:
        raise UserError(f"labels are from {low} to {high}; {wanted}.")
    return labels.astype(np.int32)
