"""Every figure of a model: what it needs, what it is called, what it shows, and who draws it.

The folder of figures, the report, the page of `explore` and the pictures of a training read this
table. A new figure is a function and a row here.
"""

import dataclasses
import functools
import html
import warnings
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from tfgen.errors import Notice
from tfgen.reports import codes, figures, page, steps
from tfgen.reports.subject import Subject

Page = Literal["folder", "report", "explore"]
PAGES: tuple[Page, ...] = ("folder", "report")


@dataclasses.dataclass(frozen=True)
class Figure:
    """One row of the table.

    Args:
      key: the name of its file; on one page no two figures of a model have the same.
      title, caption: of its section on a page.
      draw: a `Subject` -> uint8 pixels [height, width, 3].
      needs: what it is drawn by, methods of the model or `subject.OTHER_NEEDS`; unless: with any
        of these another row is the better one.
      pages: where it is shown.
      points: whether it shows points of the plane, as it does images.
      preview: whether it is drawn at each checkpoint, the first row that can be. It must read the
        model anew each time, so of a `Subject` no `codes`.
      narrow: whether the report puts it beside its neighbour.
      text: whether there is text in it, which pages do not make smaller.
      small: whether it is drawn to be read on a phone, and wider screens do not enlarge it.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[Subject], np.ndarray]
    needs: tuple[str, ...]
    unless: tuple[str, ...] = ()
    pages: tuple[Page, ...] = PAGES
    points: bool = False
    preview: bool = False
    narrow: bool = False
    text: bool = False
    small: bool = False

    def fits(self, subject: Subject) -> bool:
        """Whether it can be drawn of the subject."""
        return (
            (self.points or not subject.points)
            and all(map(subject.has, self.needs))
            and not any(map(subject.has, self.unless))
        )


def drawn(subject: Subject, where: Page) -> Iterator[tuple[Figure, np.ndarray]]:
    """The figures of a page that the subject allows, in order, and their pixels.

    One that fails costs no other: a `Notice` names it.
    """
    for figure in FIGURES:
        if where in figure.pages and figure.fits(subject):
            try:
                pixels = figure.draw(subject)
            except Exception as error:  # of a model in a user's own file, say
                warnings.warn(
                    f"the figure {figure.key!r} could not be drawn: {error!r}.",
                    Notice,
                    stacklevel=2,
                )
                continue
            yield figure, pixels


def section(figure: Figure, pixels: np.ndarray) -> str:
    """Its panel of an HTML page."""
    text = html.escape(figure.caption)
    picture = page.picture(pixels, figure.title, own_size=figure.text, small=figure.small)
    return page.section(figure.title, text, picture)


def _nearest(subject: Subject) -> np.ndarray:
    assert subject.train is not None
    samples = subject.quantised(np.asarray(subject.sample()))
    return figures.nearest(samples, subject.unit(subject.train))


def _by_condition(subject: Subject) -> np.ndarray:
    return figures.by_condition(subject.model)


Explored = functools.partial(Figure, pages=("explore",))

FIGURES: tuple[Figure, ...] = (
    Figure(
        "growth", "Growth",
        "The same seeds in the middle of each fade and at the end of each size.",
        lambda subject: figures.growth(subject.grids, subject.model.phases()),
        needs=("phases", "sample grids"), text=True,
    ),
    Figure(
        "samples", "Samples",
        "Seeds 0, 1, 2, ..., not chosen.",
        lambda subject: figures.tile(np.asarray(subject.sample()), 8),
        needs=("sample",), points=True, preview=True, narrow=True,
    ),
    Figure(
        "held_out", "Held-out images",
        "The first of the split, for comparison.",
        lambda subject: figures.tile(subject.first(subject.count), 8),
        needs=("sample",), pages=("report",), points=True, narrow=True,
    ),
    Figure(
        "nearest", "Nearest training images",
        "Of the samples above those that lie nearest to a training image, and below each that "
        "image. Pairs that are equal are copies.",
        _nearest, needs=("sample", "training images"),
    ),
    Figure(
        "captions", "Captions",
        "A row is a caption, a column a seed.",
        _by_condition, needs=("sample", "samples by caption"), text=True,
    ),
    Figure(
        "labels", "Classes",
        "A row is a class, a column a seed.",
        _by_condition, needs=("sample", "samples by class"), text=True,
    ),
    Figure(
        "translations", "Translations",
        "Threes of rows: held-out images of X, as images of Y, and those back in X; below them the "
        "same from Y.",
        lambda subject: figures.translations(
            subject.translate, subject.first(32), subject.first(32, "other")
        ),
        needs=("translate",), preview=True,
    ),
    Figure(
        "reconstructions", "Reconstructions",
        "Held-out images, and below each what its code keeps of it.",
        lambda subject: figures.reconstructions(subject.model, subject.first()),
        needs=("reconstruct", "images"), pages=("folder", "report", "explore"),
    ),
    Figure(
        "denoising", "Denoising",
        "Held-out images, as the model is given them, and as it cleans them.",
        lambda subject: figures.denoising(subject.model, subject.first()), needs=("denoise",),
    ),
    Figure(
        "completion", "Completion",
        "Held-out images, their upper halves, and what the model makes of those.",
        lambda subject: figures.completion(subject.model, subject.first()), needs=("complete",),
    ),
    Figure(
        "path", "From noise to image",
        "Noise on its way to a sample, its contrast stretched, and below it what the model guesses "
        "in it.",
        steps.path, needs=("denoise_step",), pages=("folder", "report", "explore"), points=True,
    ),
    Figure(
        "score", "The score",
        "The gradient of the log density of noisy points, times the noise's variance: it leads to "
        "the mean of the points that each may come from. Long arrows are cut; the darker the "
        "longer. Beside it the true one, and the root mean square of how far the learnt one is off "
        "where noisy points lie, times the noise.",
        steps.field, needs=("denoise_step", "a known mixture"),
        pages=("folder", "report", "explore"), points=True, text=True,
    ),
    Figure(
        "filters", "Filters",
        "What each hidden unit adds up: white counts for it, black against it.",
        lambda subject: figures.filters(subject.model.filters()), needs=("filters",),
    ),
    Figure(
        "mixing", "Mixing",
        "Each row begins with a held-out image; the model's chain goes on from it. A chain that "
        "mixes leaves its digit and comes to others.",
        lambda subject: figures.mixing(subject.model, subject.first(12)), needs=("mixing",),
    ),
    Figure(
        "surprise", "Surprise",
        "Held-out images, and -log p of each pixel given those before it: the brighter the less "
        "expected.",
        lambda subject: figures.surprise(
            subject.first(), subject.model.pixel_log_prob(subject.first())
        ),
        needs=("pixel_log_prob",),
    ),
    Figure(
        "codes", "Codes",
        "Of held-out images, each a point; in grey, where there are such, the codes that samples "
        "are made of.",
        codes.scatter, needs=("encode", "several images"), points=True, small=True,
    ),
    Figure(
        "interpolation", "Interpolations",
        "From one seed's latents to another's. Sudden jumps mean memorised images.",
        lambda subject: figures.interpolation(subject.model), needs=("generate", "a prior"),
    ),
    # --- the codes of images ---------------------------------------------------------------------
    Explored(
        "traversals", "Traversals",
        "The first held-out image, and what each unit of its code changes, from the 1 % quantile "
        "of codes to the 99 %. Above are the units that carry most.",
        codes.traversals, needs=("encode",), unless=("indices",), text=True,
    ),
    Explored(
        "interpolation-linear", "Interpolations, linear",
        "From the code of one held-out image to that of another.",
        codes.linear, needs=("encode",),
    ),
    Explored(
        "interpolation-spherical", "Interpolations, spherical",
        "From the code of one held-out image to that of another. On great circles about the "
        "origin, where a normal prior has its mass.",
        codes.spherical, needs=("encode",), unless=("indices",),
    ),
    Explored(
        "manifold", "The plane of codes",
        "Images over the plane of codes, at even quantiles of the prior.",
        codes.manifold, needs=("encode", "a plane of codes"), unless=("indices",),
    ),
    Explored(
        "classes", "One style, every class",
        "Each row is the code of one held-out image, each column a class: the code is the style.",
        codes.each_class, needs=("encode", "samples by class"), unless=("indices",),
    ),
    Explored(
        "arithmetic", "Image arithmetic",
        "Codes + t (brighter half - other half), t from -2 to 2.",
        codes.brightness, needs=("encode",), unless=("indices", "labels"),
    ),
    Explored(
        "arithmetic", "Image arithmetic",
        "Brightness, learnt on one class and added to another, t from -2 to 2. In handwriting "
        "brightness is the thickness of the stroke.",
        codes.brightness_of_a_class, needs=("encode", "labels"), unless=("indices",), text=True,
    ),
    Explored(
        "classes", "Image arithmetic: from class to class",
        "Each row one held-out image; each column: its code - the mean of its class + the mean of "
        "another, in the classes' order.",
        codes.from_class_to_class,
        needs=("encode", "labels"), unless=("indices", "samples by class"),
    ),
    # --- the latents of a generator, which has no codes of images --------------------------------
    Explored(
        "traversals", "Traversals",
        "The sample of seed 0, and what the latents that change images most do to it.",
        codes.traversals_of_a_sample,
        # x_T has a latent for each pixel, and each image takes many steps.
        needs=("generate",), unless=("encode", "guided"), text=True,
    ),
    Explored(
        "interpolation", "Interpolations",
        "From one seed's latents to another's.",
        lambda subject: figures.interpolation(subject.model),
        needs=("generate", "a prior"), unless=("encode",),
    ),
    Explored(
        "classes", "One noise, every class",
        "Each row is the noise of one seed, each column a class.",
        codes.each_class_of_a_sample, needs=("samples by class",), unless=("encode",),
    ),
    Explored(
        "categories", "One noise, every category",
        "Each row is the noise of one seed, each column a value of the categorical code.",
        codes.each_category, needs=("of_each_category",), unless=("encode",),
    ),
)  # fmt: skip
