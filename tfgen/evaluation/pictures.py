"""What `tfgen.evaluate` was given -> sets of images, measured: arrays, folders, named splits."""

import functools
import os
from collections.abc import Sequence
from typing import Any

from tfgen import addresses, data, engine
from tfgen.addresses import FROM_FOLDERS
from tfgen.errors import UserError, one_of
from tfgen.evaluation import at_scale, sets
from tfgen.evaluation.measure import check_inception
from tfgen.images import levels_of


def evaluate(
    images: Any,
    against: Any,
    features: str,
    inception: tuple[str, str],
    n: int,
    size: str,
    runner: str = "",
    flags: Sequence[str] = (),
    workers: int = 0,
) -> dict[str, Any]:
    """See `tfgen.evaluate`."""
    one_of("features", features, sets.KINDS)
    check_inception(features, inception)
    if runner or workers:
        if n:
            raise UserError(f"`n={n}`: workers measure all samples of a folder, or none work.")
        addresses.refuse(images, FROM_FOLDERS)
        real = functools.partial(read, against, size, "against")
        where = (runner or engine.LOCAL, flags, workers)
        return at_scale.compare(os.path.abspath(images), real, features, inception, *where)
    if n < 0:
        raise UserError(f"`n={n}`: the number of images is positive, or 0 for all.")
    pair = (read(images, size, "images"), read(against, size, "against"))
    return sets.compare(*pair, features=features, inception=inception, n=n)


def read(given: Any, size: str, name: str) -> sets.Pictures:
    """An array, a folder with all its pictures, or "digits:test".

    Raises: UserError for what is none of these.
    """
    if not isinstance(given, str | bytes) and not hasattr(given, "__fspath__"):
        return sets.Pictures(levels_of(name, given, 256), 256, f"an array of {name}")
    addresses.refuse(given, FROM_FOLDERS)
    path, colon, split = str(given).partition(":")
    if colon and not path.startswith(("/", ".", "~")):
        return _of_split(data.open_source(path, size=size or 0), split, str(given))
    # A folder is said as such: "pictures" is the name of a data set elsewhere.
    path = str(given) if str(given).startswith(("/", ".", "~")) else f"./{given}"
    try:
        source = data.open_source(path, size=size or 0)
        return _of_split(source, "+".join(source.splits), str(given))
    except UserError as error:  # what a run sets in its config is an argument here
        raise UserError(str(error).replace("`data.size", "`size")) from None


def _of_split(source: Any, split: str, name: str) -> sets.Pictures:
    found = source.load(split)
    return sets.Pictures(data.arrays(found)["image"], found.levels, name)
