"""Looking into the codes of a finished run.

Traversals, interpolations, image arithmetic, the map of a plane of codes, reconstructions: pictures
in figures/explore-*.png, and on a page explore.html. `tfgen/reports/table.py` says which.
"""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen import data, files, latents, run_dir
from tfgen.errors import UserError
from tfgen.reports import figures, page, provenance, table
from tfgen.reports.subject import Subject

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


def explore(run: "FinishedRun") -> Path:
    """Writes the pictures and the page of a `Run`. Returns the page's path.

    Raises: UserError for a model without codes, or points that are no images.
    """
    name, held_out = run.name, run.validation
    data_name = run_dir.data_name(run.config["data"]["name"])
    seen = (
        f"Images are those of the split {html.escape(held_out.split)!r}, which training has not "
        "learnt from."
        if run.model.can("encode")
        else "All images are samples of the model, which has no codes of others."
    )
    body = [
        f"<h1>The codes of {html.escape(name)} on {html.escape(data_name)}</h1>",
        provenance.paragraph(run.dir, run.model),
        f"<p>{seen}</p>",
    ]
    for figure, pixels in pictures(run.model, held_out):
        figures.save(run.outputs.figures / f"explore-{figure.key}.png", pixels)
        body.append(table.section(figure, pixels))
    files.write_text(run.outputs.explore, page.document(f"Codes of {name}", "\n".join(body)))
    return run.outputs.explore


def pictures(
    model: "GenerativeModel", held_out: "ImageData"
) -> Iterator[tuple[table.Figure, np.ndarray]]:
    """(figure, uint8 pixels) of everything that the model's codes allow.

    Raises: UserError for a model without codes, or points that are no images.
    """
    subject = Subject(model, lambda: data.arrays(held_out), held_out.classes)
    if subject.points:
        raise UserError("points of the plane are no images: there is nothing to look into.")
    latents.decoder(model)  # a model without codes is refused
    return table.drawn(subject, "explore")
