"""Samples of any source into files, in batches: memory does not grow with their number.

| `out` | what is written |
|---|---|
| NAME.png | one picture, a grid of up to 4,096 samples |
| NAME.gif | of `interpolate` alone: the way between seeds, there and back |
| NAME.npz | "seeds" int32 [N] and "images" uint8 [N, H, W, C] |
| any other | a folder, new or empty, with a picture of each seed: SEED.png |
"""

import dataclasses
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import files, latents
from tfgen.errors import Notice, UserError
from tfgen.exporting import sources
from tfgen.exporting.source import Arrays, Source
from tfgen.images import eight_bits
from tfgen.reports import figures

BATCH = 64
MOST_IN_A_GRID = 4096
STEPS = 24  # of an interpolation from a seed to the next, and how long each is shown
MILLISECONDS = 60
# Names of files that are not written, and are no names of folders.
OTHER_FORMATS = (".gif", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".mp4", ".npy", ".zip")


def write(
    source: str,
    seeds: Sequence[int],
    out: str | os.PathLike,
    progress: Callable[[int], None] = lambda done: None,
    temperature: float = 1.0,
    truncation: float = 0.0,
    **condition: Any,
) -> Path:
    """Writes the samples of a source (`sources.py`). Returns the path that was written.

    Args:
      seeds: int32 numbers, a list or a range.
      out: see the table above.
      progress: called with how many samples are made.
      temperature, truncation: of a normal latent vector, see `latents.tempered`; below 1 samples
        are more alike and more usual.
      condition: `label` or `caption`, one for all, where the model wants it; without, all that it
        has in turn.

    Raises: UserError for a source, a condition or an `out` that does not fit, and for a temperature
      of a model without a normal latent vector.
    """
    path = Path(out).expanduser()
    if path.suffix == ".png" and len(seeds) > MOST_IN_A_GRID:
        raise UserError(
            f"a grid holds up to {MOST_IN_A_GRID:,} samples, and {len(seeds):,} were asked for: "
            "`out=FOLDER` writes a picture of each, `out=NAME.npz` one file of all."
        )
    if path.suffix in OTHER_FORMATS:
        raise UserError(
            f"`out={out}`: a grid is a PNG file, NAME.png; an array is NAME.npz; NAME.gif is of "
            "`interpolate=3:7`."
        )
    if path.suffix not in (".png", ".npz"):
        files.empty_folder(path)
    sampler = _tempered(sources.open_source(source), temperature, truncation)
    known = None if condition else sampler.condition
    if known:
        condition = {"condition": known.choices()}
    batches = _batches(sampler, seeds, progress, condition)
    if path.suffix == ".png":
        images = np.concatenate([images for _, images in batches])
        columns = math.ceil(math.sqrt(len(images)))
        if known:  # a column for each
            columns = min(len(known.choices()), 4 * columns)
        figures.save(path, figures.tile(images, columns))
    elif path.suffix == ".npz":
        found = [(given, eight_bits(images)) for given, images in batches]
        drawn, pixels = (np.concatenate(part) for part in zip(*found, strict=True))
        with files.atomic(path) as temporary:
            np.savez_compressed(temporary, seeds=drawn, images=pixels)
    else:
        for given, images in batches:
            for seed, image in zip(given, images, strict=True):
                figures.save(path / f"{seed}.png", figures.pixels(image))
    return path


def _batches(
    sample: Source,
    seeds: Sequence[int],
    progress: Callable[[int], None],
    condition: dict[str, Any],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(seeds int32 [N], images [N, H, W, C]), batch after batch."""
    for start in range(0, len(seeds), BATCH):
        given = np.array(seeds[start : start + BATCH], np.int32)
        rows = condition
        if "condition" in condition:  # in turn
            every = condition["condition"]
            rows = {"condition": every[(start + np.arange(len(given))) % len(every)]}
        yield given, sample(given, **rows)
        progress(start + len(given))


def _tempered(source: Source, temperature: float, truncation: float) -> Source:
    """The source with its latent vector nearer to the middle.

    Raises: UserError for numbers that cannot be meant, and a model without a normal latent vector.
    """
    if not (0 <= temperature < math.inf and 0 <= truncation < math.inf):
        raise UserError(
            f"`temperature={temperature:g}`, `truncation={truncation:g}`: wanted are numbers of 0 "
            "or more; a truncation of 0 is none."
        )
    if temperature == 1 and not truncation:
        return source
    if _is_uniform(source, "temperature"):
        raise UserError(
            f"the latent vector of {source.name} is uniform: it has no temperature and no tails to "
            "truncate."
        )

    def ask(signature: str, inputs: Arrays) -> Arrays:
        if signature == "decode":
            return source.ask("decode", inputs)
        noise = source.noise(inputs["seed"])
        noise["z"] = latents.tempered(noise["z"], temperature, truncation)
        rows = {name: value for name, value in inputs.items() if name != "seed"}
        return noise if signature == "noise" else {"image": source.decode(noise, rows)}

    return dataclasses.replace(source, ask=ask)


def _is_uniform(source: Source, what: str) -> bool:
    """Whether the model's latent vector is uniform and not normal; its numbers show which.

    Raises: UserError for a model without, which says what it cannot have.
    """
    noise = source.noise(np.arange(BATCH, dtype=np.int32))
    if "z" not in noise:
        raise UserError(
            f"{source.name} makes an image of {' and '.join(sorted(noise))}, uniform numbers of "
            f"its pixels or units, and not of a latent vector: it has no {what}."
        )
    # Of so many normals some lie beyond 1; the least there are, 64, all within once in 10^10.
    return bool(np.abs(noise["z"]).max() <= 1)


def interpolate(
    source: str,
    seeds: Sequence[int],
    out: str | os.PathLike,
    progress: Callable[[int], None] = lambda done: None,
    temperature: float = 1.0,
    truncation: float = 0.0,
    **condition: Any,
) -> Path:
    """Writes a GIF of the way from seed to seed and back (`latents.between`). Returns its path.

    All else that a sample depends on beside its latent vector stays as the first seed has it, which
    a `Notice` says.

    Args: as `write` has them; seeds, two or more.
    Raises: UserError as `write` does.
    """
    path = Path(out).expanduser()
    if len(seeds) < 2 or path.suffix != ".gif":
        raise UserError(
            f"an interpolation leads from a seed to another, `interpolate=3:7`, and is a GIF file, "
            f"`out=NAME.gif`; given are {len(seeds)} seeds and {path.name}."
        )
    opened = sources.open_source(source)
    uniform = _is_uniform(opened, "interpolation")
    opened = _tempered(opened, temperature, truncation)
    noise = opened.noise(np.array(seeds, np.int32))
    z = latents.between(noise["z"][:-1], noise["z"][1:], STEPS + 1, uniform)
    # The last of a leg is the first of the next.
    way = np.concatenate([z[:, :-1].reshape(-1, z.shape[-1]), z[-1:, -1]]).astype(np.float32)
    rest = sorted(set(noise) - {"z"})
    if rest:
        warnings.warn(
            f"samples of {source} depend on {' and '.join(rest)} too, which stays as seed "
            f"{seeds[0]} has it: other seeds are met in their latent vector alone.",
            Notice,
            stacklevel=2,
        )
    frames = []
    for start in range(0, len(way), BATCH):
        part = {"z": way[start : start + BATCH]}
        count = len(part["z"])
        part |= {name: np.repeat(noise[name][:1], count, axis=0) for name in rest}
        frames.append(opened.decode(part, opened.rows(count, **condition)))
        progress(start + count)
    images = np.concatenate(frames)
    figures.save_gif(path, np.concatenate([images, images[-2:0:-1]]), MILLISECONDS)
    return path
