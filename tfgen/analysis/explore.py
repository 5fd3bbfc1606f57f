"""Looking into the codes of a finished run.

Traversals, interpolations, image arithmetic, the map of a plane of codes, reconstructions: pictures
in figures/explore-*.png, and on a page explore.html.
"""

import html
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen import data, files, latents
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.reports import figures, page

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


# Key, title, text, pixels uint8 [H, W, C].
Picture = tuple[str, str, str, np.ndarray]

UNITS = 10  # as many are traversed
PAIRS = 6  # as many pairs are interpolated
STEPS = 12


def explore(run: "FinishedRun") -> Path:
    """Writes the pictures and the page of a `Run`. Returns the page's path.

    Raises: UserError for a model without codes, or points that are no images.
    """
    name, held_out = run.name, run.validation
    chosen = run.config["data"]
    body = [
        f"<h1>The codes of {html.escape(name)} on {html.escape(chosen['name'])}</h1>",
        f"<p>Images are those of the split {html.escape(held_out.split)!r}, which training has "
        "not learnt from.</p>",
    ]
    for key, title, text, pixels in pictures(run.model, held_out):
        figures.save(run.dir.figures / f"explore-{key}.png", pixels)
        body.append(page.section(title, html.escape(text), page.picture(pixels, title)))
    files.write_text(run.dir.explore, page.document(f"Codes of {name}", "\n".join(body)))
    return run.dir.explore


def pictures(model: "GenerativeModel", held_out: "ImageData") -> Iterator[Picture]:
    """(key, title, text, uint8 pixels) of everything that the model's codes allow.

    Raises: UserError for a model without codes, or points that are no images.
    """
    if held_out.shape[:2] == (1, 1):
        raise UserError("points of the plane are no images: there is nothing to look into.")
    arrays = data.arrays(held_out)
    images = arrays["image"][:2000].astype("float32") / (held_out.levels - 1)
    labels = arrays["label"][:2000] if "label" in arrays else None
    # A model without codes is refused here.
    decode = latents.decoder(model)
    if not model.can("encode"):
        yield from _of_a_generator(model, decode)
        return
    codes = latents.encode(model, images)
    if model.can("indices"):
        yield _reconstructions(model, images)
        yield _interpolations(model, codes, labels, latents.linear, "linear")
        return
    own = None if labels is None else labels[0]
    order, amount = latents.by_information(model, images)
    units, reach = order[:UNITS], latents.reach(codes, order[:UNITS])
    measure = "KL in nats" if model.can("code_kl") else "variance"
    text = (
        "The first held-out image, and what each unit of its code changes, from the 1 % quantile "
        f"of codes to the 99 %. Sorted by {measure}: "
        + ", ".join(f"z{unit} {amount[unit]:.2f}" for unit in units)
    )
    yield _traversals(latents.decoder(model, own), codes[0], units, reach, text + ".")
    yield _interpolations(model, codes, labels, latents.linear, "linear")
    yield _interpolations(model, codes, labels, latents.spherical, "spherical")
    if codes.shape[1] == 2 and "log_var" in model.encode(images[:1]):
        yield _manifold(model, labels)
    if model.num_classes:
        yield _classes(model, codes)
    yield from _arithmetic(model, held_out, images, labels, codes)
    yield _reconstructions(model, images)


def _of_a_generator(
    model: "GenerativeModel", decode: Callable[[np.ndarray], np.ndarray]
) -> Iterator[Picture]:
    """A GAN's latents: those that change images most."""
    seeds = np.arange(16, dtype=np.int32)
    rows = conditions.defaults(model.condition, len(seeds))
    codes = model.draw_prior(seeds, rows) if model.can("draw_prior") else model.noise(seeds)["z"]
    codes = np.asarray(codes)
    order, _ = latents.by_change(decode, codes)
    units = order[:UNITS]
    ends = np.tile([[-1.0, 1.0]] if model.prior == "uniform" else [[-2.5, 2.5]], (len(units), 1))
    text = "The sample of seed 0, and the latents that change images most: " + ", ".join(
        f"z{unit}" for unit in units
    )
    yield _traversals(decode, codes[0], units, ends, text + ".")
    text = "From one seed's latents to another's."
    yield "interpolation", "Interpolations", text, figures.interpolation(model)
    if model.num_classes:
        text = "Each row is the noise of one seed, each column a class."
        yield "classes", "One noise, every class", text, _each_class(model, codes[:8])
    if model.can("of_each_category"):
        text = "Each row is the noise of one seed, each column a value of the categorical code."
        drawn = decode(model.of_each_category(codes[:8]))
        pixels = figures.tile(drawn, model.categories)
        yield "categories", "One noise, every category", text, pixels


def _traversals(
    decode: Callable[[np.ndarray], np.ndarray],
    code: np.ndarray,
    units: np.ndarray,
    reach: np.ndarray,
    text: str,
) -> Picture:
    images = latents.traversals(decode, code, units, reach, STEPS)
    return (
        "traversals",
        "Traversals",
        text,
        figures.tile(images.reshape(-1, *images.shape[2:]), STEPS),
    )


def _interpolations(
    model: "GenerativeModel",
    codes: np.ndarray,
    labels: np.ndarray | None,
    path: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
    name: str,
) -> Picture:
    """Between held-out images of, where there are labels, other classes."""
    # Of a conditional model the label stays, or it would jump in between.
    pairs = _pairs(labels, len(codes), same=bool(model.num_classes))
    between = path(codes[pairs[:, 0]], codes[pairs[:, 1]], STEPS).reshape(-1, codes.shape[1])
    given = None if labels is None else labels[pairs[:, 0]].repeat(STEPS, axis=0)
    pixels = figures.tile(latents.decoder(model, given)(between), STEPS)
    text = "From the code of one held-out image to that of another."
    if name == "spherical":
        text += " On great circles about the origin, where a normal prior has its mass."
    return f"interpolation-{name}", f"Interpolations, {name}", text, pixels


def _pairs(labels: np.ndarray | None, count: int, same: bool) -> np.ndarray:
    """Rows of pairs of images, [PAIRS, 2]."""
    if labels is None:
        return np.arange(2 * PAIRS).reshape(PAIRS, 2) % count
    pairs = []
    for first in range(PAIRS):
        fits = (labels == labels[first]) if same else (labels != labels[first])
        others = np.flatnonzero(fits & (np.arange(count) != first))
        pairs.append((first, others[first % len(others)] if len(others) else first))
    return np.array(pairs)


def _manifold(model: "GenerativeModel", labels: np.ndarray | None) -> Picture:
    side = 20
    decode = latents.decoder(model, 0 if labels is None else labels[0])
    text = "Images over the plane of codes, at even quantiles of the prior."
    return (
        "manifold",
        "The plane of codes",
        text,
        figures.tile(latents.manifold(decode, side), side),
    )


def _classes(model: "GenerativeModel", codes: np.ndarray) -> Picture:
    """Each row one code, each column one class."""
    text = "Each row is the code of one held-out image, each column a class: the code is the style."
    return "classes", "One style, every class", text, _each_class(model, codes[:8])


def _each_class(model: "GenerativeModel", codes: np.ndarray) -> np.ndarray:
    k = model.num_classes
    images = latents.decoder(model, np.tile(np.arange(k), len(codes)))(codes.repeat(k, axis=0))
    return figures.tile(images, k)


def _arithmetic(
    model: "GenerativeModel",
    held_out: "ImageData",
    images: np.ndarray,
    labels: np.ndarray | None,
    codes: np.ndarray,
) -> Iterator[Picture]:
    """An attribute learnt on one class and added to another; and the way from class to class."""
    amounts = np.linspace(-2, 2, STEPS)
    if labels is None:
        vector = latents.attribute(codes, latents.brighter(images))
        rows, of, text = np.arange(6), "", "Codes + t (brighter half - other half), t from -2 to 2."
    else:
        classes = np.unique(labels)
        a, b = classes[3 % len(classes)], classes[7 % len(classes)]
        names = [held_out.classes[c] if len(held_out.classes) > c else str(c) for c in (a, b)]
        learnt = labels == a
        vector = latents.attribute(codes[learnt], latents.brighter(images[learnt]))
        rows, of = np.flatnonzero(labels == b)[:6], f" of class {names[1]}"
        text = (
            f"Brightness, learnt on class {names[0]} and added to class {names[1]}: "
            f"bright {names[1]} = {names[1]} + t (bright {names[0]} - dark {names[0]}), t from "
            "-2 to 2. In handwriting brightness is the thickness of the stroke."
        )
    moved = codes[rows][:, None] + amounts[None, :, None] * vector
    given = None if labels is None else labels[rows].repeat(STEPS, axis=0)
    drawn = latents.decoder(model, given)(moved.reshape(-1, codes.shape[1]))
    yield "arithmetic", f"Image arithmetic: images{of}", text, figures.tile(drawn, STEPS)
    if labels is None or model.num_classes:
        return
    means = np.stack([codes[labels == c].mean(axis=0) for c in classes])
    own = np.searchsorted(classes, labels[:8])
    moved = codes[:8, None] - means[own][:, None] + means[None]
    drawn = latents.decoder(model)(moved.reshape(-1, codes.shape[1]))
    text = "Each row one held-out image; each column: its code - the mean of its class + the mean \
of another."
    yield (
        "classes",
        "Image arithmetic: from class to class",
        text,
        figures.tile(drawn, len(classes)),
    )


def _reconstructions(model: "GenerativeModel", images: np.ndarray) -> Picture:
    rows = np.random.default_rng(0).permutation(len(images))[:48]
    kept = np.asarray(model.reconstruct(images[rows]))
    text = "Held-out images drawn at random, and below each what its code keeps."
    return "reconstructions", "Random reconstructions", text, figures.stacked(images[rows], kept)
