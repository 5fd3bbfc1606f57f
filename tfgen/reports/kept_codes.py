"""codes.npz: what a run keeps of its data, to show its codes where the images are gone.

Codes of held-out images, their labels, and statistics; never an image.
"""

import dataclasses
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfgen import data, files, latents
from tfgen.errors import Notice, UserError

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir

MOST = 2000  # images of a split that are read
MOST_NUMBERS = 1_000_000  # in all codes together, 4 MB


@dataclasses.dataclass(frozen=True)
class KeptCodes:
    """Codes of held-out images, and what is learnt from them.

    Args:
      codes: [N, Z], the means; labels: int [N], or None; classes: their names.
      amount: [Z], what each unit carries, see `latents.by_information`.
      light: [N], how bright each image is.
      directions: {name: [Z]}, attribute vectors of training images, see `latents.directions`.
    """

    codes: np.ndarray
    labels: np.ndarray | None
    classes: tuple[str, ...]
    amount: np.ndarray
    light: np.ndarray
    directions: dict[str, np.ndarray]


def keep(
    run: "RunDir", model: "GenerativeModel", training: "ImageData", held_out: "ImageData"
) -> None:
    """Writes codes.npz of a model that encodes; of another nothing.

    Where a user's own model fails in it, a `Notice` says so, for it costs the run nothing else.
    """
    if not model.can("encode"):
        return
    try:
        content = _content(model, _first(training), _first(held_out), training.classes)
    except Exception as error:
        warnings.warn(f"{run.codes} could not be made: {error!r}.", Notice, stacklevel=2)
        return
    with files.atomic(run.codes) as temporary:
        np.savez_compressed(temporary, **content)  # type: ignore[arg-type]  # `allow_pickle`


def _first(split: "ImageData") -> dict[str, np.ndarray]:
    """The arrays of the first images of a split."""
    found: dict[str, np.ndarray] = next(data.evaluation_batches(split, MOST).as_numpy_iterator())
    return found


def _content(
    model: "GenerativeModel",
    train: Mapping[str, np.ndarray],
    held_out: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> dict[str, np.ndarray]:
    scale = np.float32(model.levels - 1)
    images = train["image"] / scale
    directions = latents.directions(model, images, train.get("label"), classes)
    size = np.asarray(model.encode(images[:1])["mean"]).size
    rows = slice(max(1, MOST_NUMBERS // size))
    images = held_out["image"][rows] / scale
    labels = {"labels": held_out["label"][rows]} if "label" in held_out else {}
    return {
        "codes": latents.encode(model, images).astype(np.float32),
        "amount": latents.by_information(model, images)[1],
        "light": latents.light(images),
        "classes": np.array(classes, np.str_),
        "names": np.array(list(directions), np.str_),
        "directions": np.array(list(directions.values()), np.float32),
        **labels,
    }


def read(run: "RunDir") -> KeptCodes | None:
    """What a run has kept; None of one that has not, as an older version's.

    Raises: UserError for a broken file.
    """
    if not run.codes.exists():
        return None
    try:
        with np.load(run.codes, allow_pickle=False) as file:
            return KeptCodes(
                file["codes"],
                file["labels"] if "labels" in file.files else None,
                tuple(map(str, file["classes"])),
                file["amount"],
                file["light"],
                dict(zip(map(str, file["names"]), file["directions"], strict=True)),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{run.codes} is broken ({error}): take it away; with its data at hand the run does "
            "without."
        ) from None
