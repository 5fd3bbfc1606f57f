"""Figures of codes: what each unit changes, what lies between two codes, what can be added to one.

Functions of a `Subject` that return uint8 pixels; `tfgen.latents` has the mathematics.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfgen import evaluation, latents
from tfgen.data import conditions
from tfgen.reports import figures

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel
    from tfgen.reports.subject import Subject


UNITS = 10  # as many are traversed
PAIRS = 6  # as many pairs are interpolated
STEPS = 12


def scatter(subject: "Subject", most: int = 1000) -> np.ndarray:
    """Codes of held-out images by class, over those that samples are made of."""
    labels = None if subject.labels is None else subject.labels[:most]
    prior, title = None, ""
    if subject.has("draw_prior"):
        accuracy, _, prior = evaluation.prior_two_sample(subject.model, subject.images[:most])
        title = (
            "codes of held-out images, over those that samples are made of "
            f"(a nearest neighbour tells the two apart in {100 * accuracy:.0f} % of cases; 50 %: "
            "they are alike)"
        )
    return figures.latent_scatter(subject.codes[:most], labels, subject.classes, prior, title)


# --- codes of images -----------------------------------------------------------------------------


def traversals(subject: "Subject") -> np.ndarray:
    """A row for each of the units that carry most, beside it how much."""
    model, labels = subject.model, subject.labels
    amount = subject.amount
    units = np.argsort(-amount, kind="stable")[:UNITS]
    decode = latents.decoder(model, None if labels is None else labels[0])
    words = "z{}, KL {:.2f} nats" if model.can("code_kl") else "z{}, variance {:.2f}"
    names = [words.format(unit, amount[unit]) for unit in units]
    reach = latents.reach(subject.codes, units)
    return _traversed(decode, subject.codes[0], units, reach, names)


def _traversed(
    decode: Callable[[np.ndarray], np.ndarray],
    code: np.ndarray,
    units: np.ndarray,
    reach: np.ndarray,
    names: list[str],
) -> np.ndarray:
    images = latents.traversals(decode, code, units, reach, STEPS)
    return figures.labelled(figures.tile(images.reshape(-1, *images.shape[2:]), STEPS), names)


def linear(subject: "Subject") -> np.ndarray:
    return _between(subject, latents.linear)


def spherical(subject: "Subject") -> np.ndarray:
    return _between(subject, latents.spherical)


def _between(
    subject: "Subject", path: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """Between held-out images of, where there are labels, other classes."""
    model, codes, labels = subject.model, subject.codes, subject.labels
    # Of a conditional model the label stays, or it would jump in between.
    pairs = _pairs(labels, len(codes), same=bool(model.num_classes))
    between = path(codes[pairs[:, 0]], codes[pairs[:, 1]], STEPS).reshape(-1, codes.shape[1])
    given = None if labels is None else labels[pairs[:, 0]].repeat(STEPS, axis=0)
    return figures.tile(latents.decoder(model, given)(between), STEPS)


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


def manifold(subject: "Subject", side: int = 20) -> np.ndarray:
    labels = subject.labels
    decode = latents.decoder(subject.model, 0 if labels is None else labels[0])
    return figures.tile(latents.manifold(decode, side), side)


def each_class(subject: "Subject") -> np.ndarray:
    """Each row one code, each column one class."""
    return _each_class(subject.model, subject.codes[:8])


def _each_class(model: "GenerativeModel", codes: np.ndarray) -> np.ndarray:
    k = model.num_classes
    images = latents.decoder(model, np.tile(np.arange(k), len(codes)))(codes.repeat(k, axis=0))
    return figures.tile(images, k)


def brightness(subject: "Subject") -> np.ndarray:
    """The difference of the brighter half, added to some images."""
    vector = latents.attribute(subject.codes, latents.brighter(subject.light))
    return _added(subject, np.arange(min(6, len(subject.codes))), vector)


def brightness_of_a_class(subject: "Subject") -> np.ndarray:
    """Learnt on one class and added to another; beside each row, which."""
    codes, labels = subject.codes, subject.labels
    assert labels is not None
    classes = np.unique(labels)
    a, b = classes[3 % len(classes)], classes[7 % len(classes)]
    learnt = labels == a
    vector = latents.attribute(codes[learnt], latents.brighter(subject.light[learnt]))
    rows = np.flatnonzero(labels == b)[:6]
    one, other = (subject.classes[c] if len(subject.classes) > c else str(c) for c in (a, b))
    names = [f"{other} + t (bright {one} - dark {one})"] * len(rows)
    return figures.labelled(_added(subject, rows, vector), names)


def _added(subject: "Subject", rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Codes of some images + t times a vector, t from -2 to 2."""
    codes, labels = subject.codes, subject.labels
    moved = codes[rows][:, None] + np.linspace(-2, 2, STEPS)[None, :, None] * vector
    given = None if labels is None else labels[rows].repeat(STEPS, axis=0)
    drawn = latents.decoder(subject.model, given)(moved.reshape(-1, codes.shape[1]))
    return figures.tile(drawn, STEPS)


def from_class_to_class(subject: "Subject") -> np.ndarray:
    """Each row one image; each column: its code - the mean of its class + that of another."""
    codes, labels = subject.codes, subject.labels
    assert labels is not None
    classes = np.unique(labels)
    means = np.stack([codes[labels == c].mean(axis=0) for c in classes])
    own = np.searchsorted(classes, labels[:8])
    moved = codes[:8, None] - means[own][:, None] + means[None]
    drawn = latents.decoder(subject.model)(moved.reshape(-1, codes.shape[1]))
    return figures.tile(drawn, len(classes))


# --- the latents of a generator ------------------------------------------------------------------


def _of_seeds(model: "GenerativeModel", count: int = 16) -> np.ndarray:
    """What the samples of the first seeds are made of, [count, Z]."""
    seeds = np.arange(count, dtype=np.int32)
    rows = conditions.defaults(model.condition, count)
    codes = model.draw_prior(seeds, rows) if model.can("draw_prior") else model.noise(seeds)["z"]
    return np.asarray(codes)


def traversals_of_a_sample(subject: "Subject") -> np.ndarray:
    """A row for each of the latents that change images most."""
    model, codes = subject.model, _of_seeds(subject.model)
    decode = latents.decoder(model)
    order, _ = latents.by_change(decode, codes)
    units = order[:UNITS]
    ends = np.tile([[-1.0, 1.0]] if model.prior == "uniform" else [[-2.5, 2.5]], (len(units), 1))
    return _traversed(decode, codes[0], units, ends, [f"z{unit}" for unit in units])


def each_class_of_a_sample(subject: "Subject") -> np.ndarray:
    """Each row the noise of one seed, each column a class."""
    return _each_class(subject.model, _of_seeds(subject.model)[:8])


def each_category(subject: "Subject") -> np.ndarray:
    """Each row the noise of one seed, each column a value of the categorical code."""
    model = subject.model
    drawn = latents.decoder(model)(model.of_each_category(_of_seeds(model)[:8]))
    return figures.tile(drawn, model.categories)
