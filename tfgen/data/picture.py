"""One picture file as an array, as a viewer shows it.

It is turned as its EXIF says; of several frames it is the first; palettes and CMYK come in their
colours; what is transparent lies on a background. Greys of more than 8 bits keep their numbers
until a `span` makes levels of them, the same for all pictures of a folder: one by one, each would
be stretched by another factor.
"""

import functools
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen.data.fitting import WHITE
from tfgen.errors import Notice, UserError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".tga"),
)
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
GREY = ("1", "L", "LA", "La")


def read_all(files: Sequence[Path], background: str = WHITE) -> Iterator[np.ndarray]:
    """What `read` gives of each, in their order; several are read at once."""
    from PIL import Image

    with ThreadPoolExecutor() as pool:
        # In portions, for what is read ahead of its use is held in memory.
        for start in range(0, len(files), 64):
            # That a picture is large its own size says; one too large to be meant is an error.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                part = list(pool.map(lambda f: read(f, background), files[start : start + 64]))
            yield from part


def read(file: Path, background: str = WHITE, least: int | None = None) -> np.ndarray:
    """uint8 [H, W] of a grey picture, [H, W, 3] of a coloured one; deeper greys in their own type.

    least: a side that is large enough. A JPEG is decoded at a half, a quarter or an eighth of its
      size where both sides are as long still: one of 12 megapixels in a ninth of the time.

    Raises: UserError for a file that cannot be read, and for one of too many pixels.
    """
    with opened(file) as image:
        if least:
            image.draft(None, (least, least))
        return _shown(image, background)


@contextmanager
def opened(file: Path) -> "Iterator[Image.Image]":
    """The file as Pillow opens it.  Raises: UserError, as `read`, also for what is done to it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            yield image
    except Image.DecompressionBombError:
        raise UserError(
            f"the image {file} has more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} million "
            "pixels: make it smaller, or take it out of the folder."
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise UserError(
            f"cannot read the image {file}: {error}. Mend it or take it out of the folder."
        ) from None


def _shown(image: "Image.Image", background: str) -> np.ndarray:
    from PIL import Image, ImageColor, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:
        numbers = np.asarray(image)
        if not np.isfinite(numbers).all():
            raise ValueError("it holds numbers that are not finite")
        return numbers
    grey = image.mode in GREY
    if image.has_transparency_data:
        ground = ImageColor.getrgb(background)[:3]
        grey = grey and len(set(ground)) == 1
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
    return np.asarray(image.convert("L" if grey else "RGB"))


def span(files: Sequence[Path]) -> tuple[float, float]:
    """(least, largest) of the numbers that pictures of deep greys among these can have.

    Whole numbers run from 0 to the largest of 8, 12 or 16 bits; others from 0 to 1, or to 255;
    where none of these holds all, from the least to the largest that there are.
    """
    low, high, whole = np.inf, -np.inf, True
    for file in files:
        with opened(file) as image:
            if image.mode not in DEEP:
                continue
            numbers = _shown(image, WHITE)
        low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
        whole = whole and numbers.dtype.kind in "iu"
    tops = (255, 4095, 65535) if whole else (1, 255)
    top = next((top for top in tops if high <= top), None)
    if low >= 0 and top is not None:
        return 0.0, float(top)
    return low, max(high, low + 1.0)


def to_levels(numbers: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Numbers within limits as levels 0 .. 255, uint8."""
    low, high = limits
    unit = (numbers.astype(np.float64) - low) / (high - low)
    return np.round(255.0 * np.clip(unit, 0.0, 1.0)).astype(np.uint8)


class Levels:
    """What makes levels of the pictures `files`, as `read` gives them.

    Deep greys of all share one range, found when the first is met; a `Notice` says it.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files, self.lock = files, threading.Lock()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 of the same shape."""
        if image.dtype == np.uint8:
            return image
        with self.lock:  # pictures are read by several threads
            return to_levels(image, self.limits)

    @functools.cached_property
    def limits(self) -> tuple[float, float]:
        low, high = span(self.files)
        warnings.warn(
            f"greys of more than 8 bits: {low:g} becomes black and {high:g} white.",
            Notice,
            stacklevel=3,
        )
        return low, high
