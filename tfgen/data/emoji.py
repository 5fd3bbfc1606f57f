"""`emoji`: the coloured pictures of a font, each with its name as caption and its block as label.

Noto Color Emoji, by Google, under the SIL Open Font License 1.1; Debian's and Ubuntu's package
fonts-noto-color-emoji. A picture is of one code point: the sequences by which fonts give people
other skins and genders are left out, and so no two pictures of one emoji stand in two splits. Which
split a picture belongs to is a hash of its code point: eight tenths, one and one; no name of one
split is in another. Which code points there are, the font and Python's Unicode tables decide.

Pictures are drawn at the font's own size, 136x128, and fitted to `data.size`, 64 by default; what
is transparent is `data.background`.
"""

import bisect
import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen.data import packaged
from tfgen.data.fitting import Fitting
from tfgen.errors import UserError

if TYPE_CHECKING:
    from PIL import ImageFont

NAME = "NotoColorEmoji.ttf"
NAMED = "TFGEN_EMOJI_FONT"  # an environment variable: the path of such a file
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
POINTS = 109  # the one size that the font has its pictures in
# Where blocks that hold emoji begin, and their names, Unicode's Blocks.txt.
BLOCKS = {
    0x0080: "Latin-1 Supplement",
    0x2000: "General Punctuation",
    0x2100: "Letterlike Symbols",
    0x2190: "Arrows",
    0x2300: "Miscellaneous Technical",
    0x2460: "Enclosed Alphanumerics",
    0x25A0: "Geometric Shapes",
    0x2600: "Miscellaneous Symbols",
    0x2700: "Dingbats",
    0x2900: "Supplemental Arrows-B",
    0x2B00: "Miscellaneous Symbols and Arrows",
    0x3000: "CJK Symbols and Punctuation",
    0x3200: "Enclosed CJK Letters and Months",
    0x1F000: "Mahjong Tiles",
    0x1F0A0: "Playing Cards",
    0x1F100: "Enclosed Alphanumeric Supplement",
    0x1F200: "Enclosed Ideographic Supplement",
    0x1F300: "Miscellaneous Symbols and Pictographs",
    0x1F600: "Emoticons",
    0x1F680: "Transport and Map Symbols",
    0x1F780: "Geometric Shapes Extended",
    0x1F900: "Supplemental Symbols and Pictographs",
    0x1FA70: "Symbols and Pictographs Extended-A",
}
RANGES = (range(0xA0, 0x3300), range(0x1F000, 0x1FB00))
# Parts of sequences, which stand for no thing by themselves.
PARTS = ("REGIONAL INDICATOR", "EMOJI MODIFIER", "COMBINING", "VARIATION SELECTOR", "TAG")


def block(point: int) -> str:
    """The block of a code point that is an emoji."""
    starts = list(BLOCKS)
    return BLOCKS[starts[bisect.bisect_right(starts, point) - 1]]


def place(point: int) -> float:
    """Where a code point stands among all, in [0, 1), by a hash of it."""
    return int.from_bytes(hashlib.sha256(b"%x" % point).digest()[:4], "big") / 2**32


def blocks(some: Sequence[int]) -> tuple[str, ...]:
    """The blocks of code points, in Unicode's order."""
    there = {block(point) for point in some}
    return tuple(name for name in BLOCKS.values() if name in there)


def source(fitting: Fitting, directory: str = "") -> packaged.Packaged:
    """The data set.  Raises: UserError, which names the package, where there is no font."""
    of, fit = font(), packaged.fitter(fitting)
    every = sorted(points(of), key=place)
    classes = blocks(every)
    rows = [
        (
            packaged.split_of(place(point)),
            {
                "image": fit(picture(of, point, fitting.colour())),
                "label": np.int32(classes.index(block(point))),
                "caption": name_of(point),
            },
        )
        for point in every
    ]
    return packaged.Packaged("emoji", packaged.parts_of(rows), classes)


def name_of(point: int) -> str:
    """Unicode's name in small letters; "" for a code point without one."""
    return unicodedata.name(chr(point), "").lower()


def picture(font: "ImageFont.FreeTypeFont", point: int, background: tuple[int, ...]) -> np.ndarray:
    """The emoji in the middle of a square on a background: uint8 [136, 136, 3]."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = map(int, font.getbbox(chr(point)))
    side = max(right - left, bottom - top)
    canvas = Image.new("RGB", (side, side), background)
    at = ((side - right + left) // 2 - left, (side - bottom + top) // 2 - top)
    ImageDraw.Draw(canvas).text(at, chr(point), font=font, embedded_color=True)
    return np.asarray(canvas)


def points(font: "ImageFont.FreeTypeFont") -> Iterator[int]:
    """The code points that the font has a picture of."""
    for some in RANGES:
        for point in some:
            name = unicodedata.name(chr(point), "")
            if name and not name.startswith(PARTS):
                _, top, _, bottom = font.getbbox(chr(point))
                if bottom > top:
                    yield point


def font() -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    named = os.environ.get(NAMED)
    file = Path(named).expanduser() if named else _found()
    if file is None:
        raise UserError(
            f"the data set 'emoji' is drawn from the font {NAME}, which is not installed. Debian "
            "and Ubuntu have it as a package: `apt-get install fonts-noto-color-emoji`. Elsewhere "
            f"take the file from https://github.com/googlefonts/noto-emoji, and set {NAMED} to its "
            "path: the emoji fonts of macOS and Windows are of other formats."
        )
    try:
        return ImageFont.truetype(str(file), POINTS, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise UserError(
            f"{file} is no font with pictures of {POINTS} points: {error}. Wanted is {NAME}, with "
            f"bitmaps (CBDT); {NAMED} names it."
        ) from None


def _found() -> Path | None:
    folders = (Path(folder).expanduser() for folder in FOLDERS)
    return next((file for folder in folders for file in sorted(folder.rglob(NAME))), None)
