"""Images and labels as users have them -> as models and pipelines want them."""

from typing import Any

import numpy as np

from tfgen.errors import UserError

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
