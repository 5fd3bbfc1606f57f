"""Samples against held-out images: the model's, the trivial generators', and the data's own."""

import dataclasses
import functools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen.data.points import MIXTURES
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import FIRST_SEED, MOST_SAMPLES, flat
from tfgen.metrics import (
    baselines,
    classes,
    distances,
    errors,
    likelihood,
    neighbours,
    published,
    sliced_wasserstein,
)
from tfgen.metrics import features as feature_networks
from tfgen.metrics.modes import modes

if TYPE_CHECKING:
    from tfgen.evaluation.protocol import Protocol, Splits
    from tfgen.metrics.features import Features
    from tfgen.model import GenerativeModel


NEAREST, NEAREST_COVERED = 3, 5  # neighbours of precision and recall, of density and coverage
OF_CLASSES = ("score", "class_entropy", "rarest_class")
BATCH = 250
# Samples whose nearest training image is looked for: their median needs no more.
MEMORISATION_SAMPLES = 2_000
# Draws of training images that make the floor, where one draw of so few images would be chance.
FLOOR_DRAWS, FEW = 5, 2_000
PAIRS = 48  # samples whose nearest training image is shown
# A reference row, for CAS alone: what a classifier learns from all that the model was shown.
ALL_TRAINING = "all training images"


def draw(
    sample: Callable[..., tf.Tensor],
    model: "GenerativeModel",
    splits: "Splits",
    n: int,
    seed: int = FIRST_SEED,
) -> tuple[np.ndarray, np.ndarray | None]:
    """n samples at the data's levels, and the conditions they were asked for (None without).

    sample: `model.sample`, compiled by the caller, who may call more than once.
    """
    seeds = np.arange(seed, seed + n, dtype=np.int32)
    asked = model.condition.of_data(splits.held_out, n) if model.condition else None
    images = []
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        condition = None if asked is None else tf.constant(asked[rows])
        images.append(sample(tf.constant(seeds[rows]), condition).numpy())
    return splits.quantised(np.concatenate(images)), asked


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the features say of a set of images, which costs a pass of their network each."""

    images: np.ndarray
    features: np.ndarray
    probabilities: np.ndarray | None
    logits: np.ndarray | None

    @classmethod
    def of(cls, images: np.ndarray, network: "Features") -> "Seen":
        logits = None
        if network.scores:
            found, logits = network.scores(images)
        else:
            found = network.features(images)
        p = network.probabilities(images) if network.probabilities else None
        return cls(images, found, p, logits)


class Comparison:
    """Measures sets of samples, [n, H, W, C] in [0, 1], against held-out images, n if there are."""

    def __init__(self, splits: "Splits", protocol: "Protocol", features: "Features") -> None:
        self.splits, self.protocol, self.features = splits, protocol, features
        self.random = np.random.default_rng(protocol.seed)
        n = protocol.n
        rows = self.random.permutation(len(splits.held_out["image"]))[:n]
        self.real = splits.unit(splits.held_out["image"][rows])
        self.training = flat(splits.unit(splits.train["image"]))
        self.real_features = features.features(self.real)
        self._last: Seen | None = None

    def _seen(self, images: np.ndarray) -> Seen:
        """Of the set that was asked for last it is known, whatever else is asked of it."""
        if self._last is None or self._last.images is not images:
            self._last = Seen.of(images, self.features)
        return self._last

    @functools.cached_property
    def training_features(self) -> np.ndarray:
        """Of as many training images as there are samples."""
        return self.features.features(
            self.splits.unit(self.splits.train["image"][: self.protocol.n])
        )

    @functools.cached_property
    def held_out_distances(self) -> np.ndarray:
        """Of held-out images to their nearest training image."""
        return neighbours.nearest(flat(self.real)[:MEMORISATION_SAMPLES], self.training)[0]

    def measure(
        self, images: np.ndarray, own: np.ndarray | None = None, absent: Absent | None = None
    ) -> dict[str, float]:
        """{metric: number} of a set of samples, beside the held-out images.

        own: where the images are training images, their rows, which are no copies of themselves;
        absent: takes the metrics that these images do not allow.
        """
        absent = Absent() if absent is None else absent
        seen = self._seen(images)
        real, fake = self.real_features, seen.features
        found: dict[str, float] = {}
        if sliced_wasserstein.sides(images.shape[1:]):
            by_side = sliced_wasserstein.distances(self.real, images, self.protocol.seed)
            found |= {f"swd_{side}": value for side, value in by_side.items()}
        found |= absent.unless(
            ("kid", "kid_spread"), lambda: distances.kernel(real, fake, seed=self.protocol.seed)
        )
        found |= of_features(real, fake, absent)
        if seen.probabilities is not None:
            found |= _of_classes(seen.probabilities)
        else:
            absent.because("these features have no classifier of labels", *OF_CLASSES)
        if self.features.scores:
            found |= self._published(seen, absent)
        nearest, _ = neighbours.nearest(
            flat(images)[:MEMORISATION_SAMPLES],
            self.training,
            None if own is None else own[:MEMORISATION_SAMPLES],
        )
        found["copy_ratio"], found["copies"] = neighbours.nearer(nearest, self.held_out_distances)
        if self.splits.about.name in MIXTURES:
            mixture = MIXTURES[self.splits.about.name]
            points = mixture.to_points(images)
            names = ("modes", "high_quality", "reverse_kl")
            found |= dict(zip(names, modes(points, mixture.means, mixture.sigma), strict=True))
        return found

    def _published(self, seen: Seen, absent: Absent) -> dict[str, float]:
        """As papers have it: FID against either split, inception score, KID; PRDC with k = 5."""
        found = absent.unless(
            ("fid_train",), lambda: [published.fid(self.training_features, seen.features)]
        )
        return found | published_metrics(self.real_features, seen.features, seen.logits, absent)

    def errors(self, images: np.ndarray) -> dict[str, float]:
        """{metric: standard error} of `measure` over other samples, by parts of these."""
        seen = self._seen(images)
        real, fake, p = self.real_features, seen.features, seen.probabilities
        n, seed = len(images), self.protocol.seed

        def measured(rows: np.ndarray) -> dict[str, float]:
            found = of_features(real, fake[rows], Absent())
            return found if p is None else found | _of_classes(p[rows])

        def of_kid() -> list[float]:
            values = distances.mmd_of_parts(real, fake, errors.parts(n, seed=seed))
            return [errors.of_parts(values, n)]

        found = errors.by_parts(measured, n, seed=seed)
        return found | Absent().unless(("kid",), of_kid)

    def pairs(self, images: np.ndarray) -> dict[str, Any]:
        """The samples nearest to training images, of which row, at which distance, nearest first.

        "usual": the median distance of held-out images, "near" that of the nearest 1 % of them.
        """
        distances_, rows = neighbours.nearest(flat(images)[:MEMORISATION_SAMPLES], self.training)
        order = np.argsort(distances_, kind="stable")[:PAIRS]
        return {
            "samples": order.tolist(),
            "training": rows[order].tolist(),
            "distances": distances_[order].tolist(),
            "usual": float(np.median(self.held_out_distances)),
            "near": float(np.quantile(self.held_out_distances, 0.01)),
        }

    def details(self, images: np.ndarray) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.features.probabilities:
            names = self.splits.about.classes
            p, real = self._seen(images).probabilities, self.features.probabilities(self.real)
            assert p is not None
            found["classes"] = list(names)
            found["class_shares"] = classes.shares(p.argmax(axis=1), len(names)).tolist()
            found["real_shares"] = classes.shares(real.argmax(axis=1), len(names)).tolist()
        if self.splits.about.name in MIXTURES:
            found["modes"] = len(MIXTURES[self.splits.about.name].means)
        return found

    def floor(self, absent: Absent | None = None) -> dict[str, float]:
        """What a perfect model gets: n training images against the same held-out images as samples.

        Where held-out images are of other writers than training images, no model of these does
        better. The mean over 5 draws, where n is small; `n` says how many images a draw has.
        absent: as in `measure`.
        """
        images = self.splits.unit(self.splits.train["image"])
        n = min(self.protocol.n, len(images))
        draws = []
        for _ in range(FLOOR_DRAWS if n <= FEW else 1):
            rows = self.random.permutation(len(images))[:n]
            draws.append(self.measure(images[rows], own=rows, absent=absent))
        return {"n": n, **{key: float(np.mean([d[key] for d in draws])) for key in draws[0]}}

    def floor_errors(self) -> dict[str, float]:
        """Of one draw of the floor, as `errors` has them."""
        images = self.splits.unit(self.splits.train["image"])
        return self.errors(images[self.random.permutation(len(images))[: self.protocol.n]])

    def cas_references(self) -> dict[str, float]:
        """CAS of real images in the place of samples: {"floor": of n, ALL_TRAINING: of all}."""
        train = self.splits.train
        # Of a seed of its own: other draws may stand in a file (`references`).
        rows = np.random.default_rng([self.protocol.seed, 1]).permutation(len(train["image"]))
        counts = {"floor": self.protocol.n, ALL_TRAINING: MOST_SAMPLES}
        return {
            name: cas(
                self.splits.unit(train["image"][rows[:n]]), train["label"][rows[:n]], self.splits
            )
            for name, n in counts.items()
        }

    def baselines(self) -> dict[str, dict[str, float]]:
        """{name: {metric: number}}, each fitted to the training images."""
        train, held_out = self.splits.train, self.splits.held_out["image"]
        fitted = baselines.fit_all(
            train["image"], self.splits.about.levels, train.get("label"), self.protocol.seed
        )
        found = {}
        for name, baseline in fitted.items():
            images = self.splits.unit(baseline.sample(self.protocol.n, self.random))
            found[name] = self.measure(images)
            if hasattr(baseline, "log_prob"):
                nll = float(-baseline.log_prob(held_out).mean())
                found[name] |= {
                    "nll": nll,
                    "bits_per_dim": likelihood.bits_per_dim(nll, held_out.shape[1:]),
                }
        return found


def of_features(real: np.ndarray, fake: np.ndarray, absent: Absent) -> dict[str, float]:
    """What two sets of features, [N, D] and [M, D], tell."""
    found = absent.unless(("frechet",), lambda: [distances.frechet(real, fake)])
    metrics: tuple[tuple[tuple[str, ...], Callable], ...] = (
        (("precision", "recall"), partial(neighbours.precision_recall, k=NEAREST)),
        (("density", "coverage"), partial(neighbours.density_coverage, k=NEAREST_COVERED)),
        (("two_sample",), lambda *sets: neighbours.two_sample_accuracy(*sets)[:1]),
    )
    for names, metric in metrics:
        found |= absent.unless(names, partial(metric, real, fake))
    return found


def _of_classes(p: np.ndarray) -> dict[str, float]:
    """What probabilities of classes [N, K] tell."""
    shares = classes.shares(p.argmax(axis=1), p.shape[1])
    return {
        "score": classes.classifier_score(p),
        "class_entropy": classes.entropy(shares),
        "rarest_class": float(shares.min()),
    }


def published_metrics(
    real: np.ndarray, fake: np.ndarray, logits: np.ndarray | None, absent: Absent
) -> dict[str, float]:
    """FID, inception score, KID and PRDC by the counts of papers (`tfgen.metrics.published`)."""
    found = absent.unless(("fid",), lambda: [published.fid(real, fake)])
    found |= absent.unless(("kid", "kid_spread"), lambda: published.kid(real, fake))
    found |= absent.unless(
        ("precision", "recall", "density", "coverage"),
        lambda: list(published.prdc(real, fake).values()),
    )
    if logits is None:
        absent.because("the file of weights gives no logits", "inception_score", "is_spread")
        return found
    return found | absent.unless(
        ("inception_score", "is_spread"), lambda: published.inception_score(logits)
    )


def conditional(
    images: np.ndarray, labels: np.ndarray, splits: "Splits", features: "Features"
) -> dict[str, float]:
    """Whether samples show their labels, and what a classifier learns from samples alone.

    Ravuri and Vinyals 2019 (CAS); Shmelkov et al. 2018 call the two GAN-test and GAN-train.
    """
    assert features.probabilities
    shown = features.probabilities(images).argmax(axis=1)
    return {"label_accuracy": float(np.mean(shown == labels)), "cas": cas(images, labels, splits)}


def cas(images: np.ndarray, labels: np.ndarray, splits: "Splits") -> float:
    """Held-out accuracy of a classifier trained on images [N, H, W, C] in [0, 1], labels [N]."""
    judge = feature_networks.train_network(images, {"label": labels})
    real = splits.unit(splits.held_out["image"])
    return feature_networks.accuracies(judge, real, {"label": splits.held_out["label"]})["label"]
