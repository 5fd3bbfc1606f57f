"""What a user may ask of the form of images; `data/fitting.py` makes them so."""

import re
from collections.abc import Sequence

from tfgen.errors import UserError

RESIZE = ("crop", "pad", "stretch")
CHANNELS = ("auto", "1", "3")
BINARISE = ("none", "threshold", "dynamic")


def size_of(given: int | str) -> tuple[int, int] | None:
    """`data.size` as (height, width): "64", "48x64"; None for "0", which leaves them as they are.

    Raises: UserError for anything else.
    """
    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(given).strip())
    h, w = (int(side or found[1]) for side in found.groups()) if found else (0, 1)
    if not found or (h == 0) != (w == 0):
        raise UserError(
            f"`data.size` is {given!r}, but must be a side, as 64, or height x width, as 48x64; "
            "0 leaves images as they are."
        )
    return (h, w) if h else None


def halved(size: Sequence[int], times: int) -> tuple[int, int]:
    """(height, width) after so many halvings, each rounded up: what a padded stride of 2 leaves."""
    h, w = (-(-side // 2**times) for side in size)
    return h, w
