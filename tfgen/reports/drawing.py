"""The figures of a run: while it is trained, and of the finished one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfgen import data
from tfgen.reports import figures, table
from tfgen.reports.subject import Subject

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


def preview(model: "GenerativeModel", held_out: "ImageData") -> Callable[[], np.ndarray]:
    """A function that gives the picture of a checkpoint: uint8 [height, width, 3].

    The images of the same seeds; of a model between two domains, held-out images there and back.
    """
    subject = Subject(model, lambda: data.arrays(held_out), held_out.classes)
    figure = next(row for row in table.FIGURES if row.preview and row.fits(subject))
    return lambda: figure.draw(subject)


TRIED = 32  # images that figures are tried with


def try_out(model: "GenerativeModel", held_out: "ImageData") -> None:
    """Draws each figure of a class that is not ours once, of few images, and keeps none.

    So one that fails is named, by a `Notice`, before its training and not after. What figures of
    our own classes ask is tried by the tests; drawing them here costs a second or two of tracing.
    """
    if type(model).__module__.startswith("tfgen."):
        return
    few: dict[str, np.ndarray] = next(data.evaluation_batches(held_out, TRIED).as_numpy_iterator())
    for _ in table.drawn(Subject(model, lambda: few, held_out.classes), "folder"):
        pass


def draw(run: "RunDir", model: "GenerativeModel", held_out: "ImageData") -> None:
    """Into figures/ of the run; held_out: `ImageData` of a split that training has not seen."""
    subject = Subject(
        *(model, lambda: data.arrays(held_out), held_out.classes),
        grids=run.sample_grids(),
        data=held_out.name,
    )
    for figure, pixels in table.drawn(subject, "folder"):
        figures.save(run.figures / f"{figure.key}.png", pixels)
