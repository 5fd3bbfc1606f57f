"""Looking into the codes of a finished run.

Traversals, interpolations, image arithmetic, the map of a plane of codes, reconstructions, the way
from noise to image: pictures in figures/explore-*.png, and on a page explore.html.
`tfgen/reports/table.py` says which.
"""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen import data, files, latents, run_dir
from tfgen.errors import UserError
from tfgen.reports import figures, kept_codes, page, provenance, table
from tfgen.reports.subject import Subject

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


def explore(run: "FinishedRun") -> Path:
    """Writes the pictures and the page of a `Run`. Returns the page's path.

    Where the images are gone the page is of the codes that the run has kept.

    Raises: UserError for a model without codes, points that are no images, or a run of an older
      version whose images are gone.
    """
    name, subject = run.name, _subject(run)
    data_name = run_dir.data_name(run.config["data"]["name"])
    seen = (
        "Images are held-out ones, which training has not learnt from."
        if run.model.can("encode")
        else "All images are samples of the model, which has no codes of others."
    )
    title = f"{'Steps' if run.model.can('denoise_step') else 'Codes'} of {name}"
    body = [
        f"<h1>The {html.escape(title.lower())} on {html.escape(data_name)}</h1>",
        provenance.paragraph(run.dir, run.model),
        f"<p>{seen}</p>",
    ]
    for figure, pixels in _drawn(subject):
        figures.save(run.outputs.figures / f"explore-{figure.key}.png", pixels)
        body.append(table.section(figure, pixels))
    files.write_text(run.outputs.explore, page.document(title, "\n".join(body)))
    run.outputs.give()
    return run.outputs.explore


def pictures(
    model: "GenerativeModel", held_out: "ImageData"
) -> Iterator[tuple[table.Figure, np.ndarray]]:
    """(figure, uint8 pixels) of everything that the model's codes allow.

    Raises: UserError for a model without codes, or points that are no images.
    """
    return _drawn(
        Subject(model, lambda: data.arrays(held_out), held_out.classes, data=held_out.name)
    )


def _subject(run: "FinishedRun") -> Subject:
    """The model and what its figures need: held-out images, or what the run has kept of them."""
    model = run.model
    if not model.can("encode"):
        return Subject(model, dict, data=run.config["data"]["name"])  # of a generator alone
    kept = kept_codes.read(run.dir)
    if kept and not run.finds_data("reconstructions are left out"):
        return Subject(model, dict, kept.classes, kept=kept)
    held_out = run.validation
    return Subject(model, lambda: data.arrays(held_out), held_out.classes, data=held_out.name)


def _drawn(subject: Subject) -> Iterator[tuple[table.Figure, np.ndarray]]:
    if not subject.has("denoise_step"):  # whose steps are looked into
        if subject.points:
            raise UserError("points of the plane are no images: there is nothing to look into.")
        latents.decoder(subject.model)  # a model without codes is refused
    return table.drawn(subject, "explore")
