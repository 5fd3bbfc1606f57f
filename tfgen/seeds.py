"""Seeds as users give them -> int32 [N]: one sentence says at every door what they are."""

import contextlib
from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np

from tfgen.errors import UserError

WANTED = "wanted are int32 seeds, -2147483648 to 2147483647, one or more"


def checked(given: Any) -> np.ndarray:
    """A number, or several: int32 [N].

    Raises: UserError for what is no number of 32 bits: it would be the seed of another image.
    """
    if not np.isscalar(given) and not hasattr(given, "__len__"):
        with contextlib.suppress(TypeError):
            given = list(given)  # a generator
    try:
        seeds = np.atleast_1d(np.asarray(given))
    except ValueError:  # lists of several lengths
        seeds = np.asarray(None)
    if seeds.dtype.kind not in "iu" or seeds.ndim != 1 or not _fit(seeds):
        raise UserError(f"{WANTED}: 7, [1, 5] or range(64). Given is {shorten(repr(given), 80)}.")
    return seeds.astype(np.int32)


def parse(text: str) -> Sequence[int]:
    """ "3", "0:64" or "1,5,9" -> int32 seeds, a range where it is one.  Raises: UserError."""
    seeds: Sequence[int] = ()
    with contextlib.suppress(ValueError):
        if ":" in text:
            seeds = range(*map(int, text.split(":", 1)))
        else:
            seeds = [int(part) for part in text.split(",")]
    ends = [seeds[0], seeds[-1]] if isinstance(seeds, range) and seeds else seeds
    if not ends or min(ends) < -(2**31) or max(ends) >= 2**31:
        raise UserError(f"`seeds={text}`: {WANTED}, 7, or 1,5,9, or 0:64.")
    return seeds


def way(text: str) -> Sequence[int]:
    """ "3:7" or "3:7:11" -> the int32 seeds that an interpolation meets.  Raises: UserError."""
    with contextlib.suppress(UserError):
        return parse(text.replace(":", ","))
    raise UserError(f"`interpolate={text}`: {WANTED}, 3:7 or 3:7:11.")


def _fit(seeds: np.ndarray) -> bool:
    return bool(seeds.size) and int(seeds.min()) >= -(2**31) and int(seeds.max()) < 2**31
