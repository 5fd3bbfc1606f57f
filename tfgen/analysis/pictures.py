"""A folder of pictures in, a folder of pictures out: cleaned by a denoiser, or translated."""

import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import files, latents
from tfgen.data import fitting
from tfgen.data.folder import read_pictures
from tfgen.errors import UserError
from tfgen.evaluation import Splits, representation
from tfgen.reports import figures

if TYPE_CHECKING:
    import os

    from tfgen.evaluation.finished import FinishedRun

COMPARISON = Path("comparison.png")


def denoise(run: "FinishedRun", folder: "str | os.PathLike", out: "str | os.PathLike") -> int:
    """Cleans the pictures of a folder by a `Run` of a denoiser. Returns how many.

    Raises: UserError for a model that is none, a folder without images, or an `out` with something.
    """
    return _change(run, "denoise", "is no denoiser; denoising_autoencoder is one", folder, out)


def translate(
    run: "FinishedRun", folder: "str | os.PathLike", out: "str | os.PathLike", to: str = "Y"
) -> int:
    """Translates the pictures of a folder to a domain, "Y" or "X". Returns how many.

    Raises: UserError, as `denoise`.
    """
    why = "does not translate images; cyclegan does"
    return _change(run, "translate", why, folder, out, to=to)


def _change(
    run: "FinishedRun",
    capability: str,
    why_not: str,
    folder: "str | os.PathLike",
    out: "str | os.PathLike",
    **arguments: Any,
) -> int:
    out = files.empty_folder(out)
    if not run.model.can(capability):
        raise UserError(f"{run.name} {why_not}.")
    paths, images = read_pictures(folder, _as_trained(run))
    change = functools.partial(getattr(run.model, capability), **arguments)
    write(out, paths, images, latents.in_batches(change, images))
    return len(paths)


def _as_trained(run: "FinishedRun") -> fitting.Fitting:
    """What was done to the training images, whose shape the model has."""
    return fitting.of_settings(run.config["data"]).to(run.model.image_shape)


def outputs(paths: Sequence[Path]) -> list[Path]:
    """The name of what is made of each picture: "a.jpg" -> "a.png".

    Where two would have one name, or that of the comparison, what is no PNG file keeps its own:
    "a.jpg.png", and another is numbered.
    """
    taken = {COMPARISON, *(path for path in paths if path.suffix == ".png")}
    found: list[Path] = []
    for path in paths:
        if path.suffix == ".png" and path != COMPARISON:
            found.append(path)
            continue
        stem = path.with_suffix("")
        tries = itertools.chain(
            [path.with_suffix(".png"), path.with_name(f"{path.name}.png")],
            (stem.with_name(f"{stem.name}-{i}.png") for i in itertools.count(2)),
        )
        found.append(next(name for name in tries if name not in taken))
        taken.add(found[-1])
    return found


def worth(run: "FinishedRun") -> Iterator[str]:
    """Lines on what a denoiser does to held-out images, beside a linear denoiser.

    None where those are gone; a `Notice` says so.
    """
    if not run.finds_data("what the model is worth on held-out images is not said"):
        return
    model, source = run.model, run.source
    splits = Splits.load(source, run.training.split, run.test)
    own = representation.denoised(model, splits)
    yield f"On held-out images of {source.name}, in dB of PSNR (the more the better):"
    rows = {"this model": own, **representation.denoising_baselines(model, splits)}
    for name, found in rows.items():
        yield f"  {name:18}{found['denoised_psnr']:6.2f}"


def write(out: Path, paths: Sequence[Path], images: np.ndarray, changed: np.ndarray) -> None:
    """Each changed image under its own name, and comparison.png: given, and below each changed."""
    for path, image in zip(outputs(paths), changed, strict=True):
        figures.save(out / path, figures.pixels(image))
    figures.save(out / COMPARISON, figures.stacked(images[:64], changed[:64]))
