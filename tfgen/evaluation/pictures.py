"""What `tfgen.evaluate` was given -> sets of images, measured: arrays, folders, named splits."""

from typing import Any

import numpy as np

from tfgen import data
from tfgen.errors import UserError, one_of
from tfgen.evaluation import sets
from tfgen.evaluation.measure import check_inception


def evaluate(
    images: Any,
    against: Any,
    features: str,
    inception: tuple[str, str],
    n: int,
    size: str,
) -> dict[str, Any]:
    """See `tfgen.evaluate`."""
    one_of("features", features, sets.KINDS)
    check_inception(features, inception)
    if n < 0:
        raise UserError(f"`n={n}`: the number of images is positive, or 0 for all.")
    pair = (read(images, size, "images"), read(against, size, "against"))
    return sets.compare(*pair, features=features, inception=inception, n=n)


def read(given: Any, size: str, name: str) -> sets.Pictures:
    """An array, a folder with all its pictures, or "digits:test".

    Raises: UserError for what is none of these.
    """
    if not isinstance(given, str | bytes) and not hasattr(given, "__fspath__"):
        return of_array(np.asarray(given), name)
    path, colon, split = str(given).partition(":")
    if colon and not path.startswith(("/", ".", "~")):
        return _of_split(data.open_source(path, size=size or 0), split, str(given))
    # A folder is said as such: "pictures" is the name of a data set elsewhere.
    path = str(given) if str(given).startswith(("/", ".", "~")) else f"./{given}"
    source = data.open_source(path, size=size or 0)
    return _of_split(source, "+".join(source.splits), str(given))


def _of_split(source: Any, split: str, name: str) -> sets.Pictures:
    found = source.load(split)
    return sets.Pictures(data.arrays(found)["image"], found.levels, name)


def of_array(images: np.ndarray, name: str) -> sets.Pictures:
    """uint8, or float in [0, 1], [N, H, W, C] -> 256 levels.

    Raises: UserError for another shape, type or range.
    """
    if images.ndim != 4 or not len(images):
        raise UserError(f"`{name}` has the shape {images.shape}; wanted are images [N, H, W, C].")
    if images.dtype == np.uint8:
        return sets.Pictures(images, 256, f"an array of {name}")
    if images.dtype.kind != "f" or images.min() < 0 or images.max() > 1:
        raise UserError(
            f"`{name}` is {images.dtype} from {images.min():.3g} to {images.max():.3g}; wanted are "
            "uint8 levels, or floats in [0, 1]."
        )
    return sets.Pictures(np.round(images * 255).astype(np.uint8), 256, f"an array of {name}")
