"""Whether a run, a file or a server makes what golden.json says: a seed is an image, everywhere.

Loads no TensorFlow by itself, for devices that have a LiteRT file alone.
"""

import base64
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import checksums
from tfgen.errors import UserError
from tfgen.exporting import levels
from tfgen.exporting.source import Source

# A level of 255: what rounds the other way in another runtime's arithmetic. To a file of 8 bits, as
# golden.json has it by name, it comes on top of what the file was found to be from Keras.
MOST = 1


@dataclasses.dataclass(frozen=True)
class Seed:
    """What became of a golden seed: the largest difference from it, in levels of 255."""

    seed: int
    levels: int
    most: int = MOST

    @property
    def right(self) -> bool:
        return self.levels <= self.most


def check(source: Source, golden: str | Path) -> list[Seed]:
    """Asks for every seed of a golden.json, all at once.

    Raises: UserError for a file that holds no images to compare with, and where the source does not
      answer, or with images of another shape.
    """
    about = checksums.read_golden(Path(golden))
    entries = about.get("seeds", [])
    if not entries or "levels" not in entries[0]:
        raise UserError(f"{golden} holds no images to compare with; export the run again.")
    shape = tuple(about["image_shape"])
    made = source.images({key: _column(entries, key) for key in _inputs(entries[0])})
    if made.shape[1:] != shape:
        raise UserError(f"{source.name} makes images of {made.shape[1:]}; {golden} holds {shape}.")
    wanted = np.stack([_image(entry["levels"], shape) for entry in entries])
    apart = np.abs(levels.pixels(made).astype(int) - wanted)
    most = apart.reshape(len(entries), -1).max(axis=1)
    allowed = MOST + about["apart"].get(Path(source.name).name, 0)
    return [Seed(e["seed"], int(most[i]), allowed) for i, e in enumerate(entries)]


def _inputs(entry: dict[str, Any]) -> list[str]:
    return [key for key in entry if key not in ("first", "sha256", "levels")]


def _column(entries: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.asarray([entry[key] for entry in entries], np.int32)


def _image(text: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape).astype(int)
