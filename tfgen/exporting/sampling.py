"""Samples of any source into files, in batches: memory does not grow with their number.

| `out` | what is written |
|---|---|
| NAME.png | one picture, a grid of up to 4,096 samples |
| NAME.npz | "seeds" int32 [N] and "images" uint8 [N, H, W, C] |
| any other | a folder, new or empty, with a picture of each seed: SEED.png |
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import files
from tfgen.errors import UserError
from tfgen.exporting import sources
from tfgen.reports import figures

BATCH = 64
MOST_IN_A_GRID = 4096
# Names of files that are not written, and are no names of folders.
OTHER_FORMATS = (".gif", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".mp4", ".npy", ".zip")


def write(
    source: str,
    seeds: Sequence[int],
    out: str | os.PathLike,
    progress: Callable[[int], None] = lambda done: None,
    **condition: Any,
) -> Path:
    """Writes the samples of a source (`sources.py`). Returns the path that was written.

    Args:
      seeds: int32 numbers, a list or a range.
      out: see the table above.
      progress: called with how many samples are made.
      condition: `label` or `caption`, one for all, where the model wants it.

    Raises: UserError for a source, a condition or an `out` that does not fit.
    """
    path = Path(out).expanduser()
    if path.suffix == ".png" and len(seeds) > MOST_IN_A_GRID:
        raise UserError(
            f"a grid holds up to {MOST_IN_A_GRID:,} samples, and {len(seeds):,} were asked for: "
            "`out=FOLDER` writes a picture of each, `out=NAME.npz` one file of all."
        )
    if path.suffix in OTHER_FORMATS:
        raise UserError(f"`out={out}`: a grid is a PNG file, NAME.png; an array is NAME.npz.")
    if path.suffix not in (".png", ".npz"):
        files.empty_folder(path)
    batches = _batches(sources.open_source(source), seeds, progress, condition)
    if path.suffix == ".png":
        figures.sample_grid(path, np.concatenate([images for _, images in batches]))
    elif path.suffix == ".npz":
        found = [(given, figures.levels(images)) for given, images in batches]
        drawn, pixels = (np.concatenate(part) for part in zip(*found, strict=True))
        with files.atomic(path) as temporary:
            np.savez_compressed(temporary, seeds=drawn, images=pixels)
    else:
        for given, images in batches:
            for seed, image in zip(given, images, strict=True):
                figures.save(path / f"{seed}.png", figures.pixels(image))
    return path


def _batches(
    sample: sources.Sampler,
    seeds: Sequence[int],
    progress: Callable[[int], None],
    condition: dict[str, Any],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(seeds int32 [N], images [N, H, W, C]), batch after batch."""
    for start in range(0, len(seeds), BATCH):
        given = np.array(seeds[start : start + BATCH], np.int32)
        yield given, sample(given, **condition)
        progress(start + len(given))
