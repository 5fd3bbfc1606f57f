"""Samples against held-out images: the model's, the trivial generators', and the data's own."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import FIRST_SEED, flat
from tfgen.metrics import (
    baselines,
    classes,
    distances,
    likelihood,
    neighbours,
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


class Comparison:
    """Measures sets of samples, [n, H, W, C] in [0, 1], against n held-out images."""

    def __init__(self, splits: "Splits", protocol: "Protocol", features: "Features") -> None:
        self.splits, self.protocol, self.features = splits, protocol, features
        self.random = np.random.default_rng(protocol.seed)
        n = protocol.n
        rows = self.random.permutation(len(splits.held_out["image"]))[:n]
        if len(rows) < n:
            raise UserError(
                f"{n} samples are asked for, but the split {protocol.split!r} has {len(rows)} "
                f"images to compare them with: `n={len(rows)}` or fewer."
            )
        self.real = splits.unit(splits.held_out["image"][rows])
        self.training = flat(splits.unit(splits.train["image"]))
        self.real_features = features.features(self.real)

    def measure(
        self,
        images: np.ndarray,
        others: np.ndarray | None = None,
        copies: bool = True,
        absent: Absent | None = None,
    ) -> dict[str, float]:
        """{metric: number} of a set of samples, beside the held-out images or others.

        absent: takes the metrics that these images do not allow.
        """
        absent = Absent() if absent is None else absent
        real = self.real_features if others is None else self.features.features(others)
        fake = self.features.features(images)
        found = absent.unless(("frechet",), lambda: [distances.frechet(real, fake)])
        if sliced_wasserstein.sides(images.shape[1:]):
            by_side = sliced_wasserstein.distances(
                self.real if others is None else others, images, self.protocol.seed
            )
            found |= {f"swd_{side}": value for side, value in by_side.items()}
        metrics: tuple[tuple[tuple[str, ...], Callable], ...] = (
            (("kid", "kid_spread"), partial(distances.kernel, seed=self.protocol.seed)),
            (("precision", "recall"), partial(neighbours.precision_recall, k=NEAREST)),
            (("density", "coverage"), partial(neighbours.density_coverage, k=NEAREST_COVERED)),
            (("two_sample",), lambda *sets: neighbours.two_sample_accuracy(*sets)[:1]),
        )
        for names, metric in metrics:
            found |= absent.unless(names, partial(metric, real, fake))
        if self.features.probabilities:
            p = self.features.probabilities(images)
            shares = classes.shares(p.argmax(axis=1), p.shape[1])
            found["score"] = classes.classifier_score(p)
            found["class_entropy"] = classes.entropy(shares)
            found["rarest_class"] = float(shares.min())
        else:
            absent.because("these features have no classifier of labels", *OF_CLASSES)
        if copies:
            found["copy_ratio"], found["copies"] = neighbours.memorisation(
                flat(images)[:MEMORISATION_SAMPLES],
                self.training,
                flat(self.real)[:MEMORISATION_SAMPLES],
            )
        if self.splits.about.name in MIXTURES:
            mixture = MIXTURES[self.splits.about.name]
            points = mixture.to_points(images)
            names = ("modes", "high_quality", "reverse_kl")
            found |= dict(zip(names, modes(points, mixture.means, mixture.sigma), strict=True))
        return found

    def details(self, images: np.ndarray) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.features.probabilities:
            names = self.splits.about.classes
            p, real = self.features.probabilities(images), self.features.probabilities(self.real)
            found["classes"] = list(names)
            found["class_shares"] = classes.shares(p.argmax(axis=1), len(names)).tolist()
            found["real_shares"] = classes.shares(real.argmax(axis=1), len(names)).tolist()
        if self.splits.about.name in MIXTURES:
            found["modes"] = len(MIXTURES[self.splits.about.name].means)
        return found

    def floor(self, absent: Absent | None = None) -> dict[str, float]:
        """Two disjoint draws of n training images against each other: real against real.

        Where there are fewer than 2n, the draws are of half of them; `n` says how many. absent: as
        in `measure`.
        """
        images = self.splits.unit(self.splits.train["image"])
        n = min(self.protocol.n, len(images) // 2)
        rows = self.random.permutation(len(images))
        one, other = images[rows[:n]], images[rows[n : 2 * n]]
        return {"n": n, **self.measure(one, other, copies=False, absent=absent)}

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


def conditional(
    images: np.ndarray, labels: np.ndarray, splits: "Splits", features: "Features"
) -> dict[str, float]:
    """Whether samples show their labels, and what a classifier learns from samples alone.

    Ravuri and Vinyals 2019 (CAS); Shmelkov et al. 2018 call the two GAN-test and GAN-train.
    """
    judge = feature_networks.train_network(images, {"label": labels})
    real = splits.unit(splits.held_out["image"])
    right = feature_networks.accuracies(judge, real, {"label": splits.held_out["label"]})
    assert features.probabilities
    shown = features.probabilities(images).argmax(axis=1)
    return {"label_accuracy": float(np.mean(shown == labels)), "cas": right["label"]}
