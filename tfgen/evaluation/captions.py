"""Whether samples show what their captions say, read back by a classifier of the data's factors.

Captions of the held-out images, whose factors are known, are painted from new seeds. A network that
was trained on real images for the factors says what it sees. It is to read, and not to judge how
sharp an image is, for which there is the Frechet distance; so half of its images are blurred,
brighter or darker, and noisy. Trained on clean ones alone it reads 55 % of real shapes right that
are blurred by 0.6 pixels.

Of captions in anybody's words no factors are known. There the picture that a held-out caption
belongs to is looked for among those of others, by its distance from the sample in features. So it
is for the trivial painter, who gives the picture of the training caption that shares most words.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from scipy import ndimage

from tfgen.compiling import compiled
from tfgen.data import shapes, text
from tfgen.metrics import features as feature_networks

if TYPE_CHECKING:
    from tfgen.evaluation.absent import Absent
    from tfgen.evaluation.protocol import Protocol, Splits
    from tfgen.metrics.features import Features
    from tfgen.model import GenerativeModel


CANDIDATES = 100  # captions of R-precision, the right one among them
# What captions of `shapes` say, and of how many kinds.
FACTORS = {"shape": 4, "colour": 6, "scale": 3, "position": 9}


class FactorClassifier:
    """What captions of `shapes` say, read off images: p(shape), p(colour), p(scale), p(position).

    Args: splits: `Splits` whose training images have factors.
    """

    def __init__(self, splits: "Splits") -> None:
        images = splits.unit(splits.train["image"])
        said = shapes.said(splits.train["factors"])
        self.network = feature_networks.train_network(
            np.concatenate([images, degraded(images)]),
            {name: np.tile(said[name], 2) for name in FACTORS},
            steps=3000,
        )
        held_out = shapes.said(splits.held_out["factors"])
        self.accuracy = feature_networks.accuracies(
            self.network, splits.unit(splits.held_out["image"]), {n: held_out[n] for n in FACTORS}
        )

    def log_probabilities(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """{what: log p [N, K]}"""
        _, *logits = feature_networks.predictions(self.network, images)
        return {
            name: one - np.logaddexp.reduce(one, axis=1, keepdims=True)
            for name, one in zip(FACTORS, logits, strict=True)
        }


def degraded(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Images as a generator might draw them, still to be read: [N, H, W, C] in [0, 1] -> the same.

    Each is blurred by up to 0.8 pixels, brighter or darker by up to 0.08, and noisy by up to 0.05.
    """
    random = np.random.default_rng(seed)

    def up_to(most: float, low: float = 0.0) -> np.ndarray:
        return random.uniform(low, most, (len(images), 1, 1, 1))

    blurred = ndimage.gaussian_filter(images, (0.0, 0.8, 0.8, 0.0))
    # Between the image and its most blurred one, in the place of a filter for each.
    found = images + up_to(1.0) * (blurred - images) + up_to(0.08, -0.08)
    noise = random.standard_normal(images.shape, np.float32)
    return np.clip(found + up_to(0.05) * noise, 0.0, 1.0).astype(np.float32)


def fidelity(
    model: "GenerativeModel", splits: "Splits", protocol: "Protocol"
) -> tuple[dict[str, float], dict[str, float]]:
    """({metric: number} of the model, of real images in its place)."""
    classifier = FactorClassifier(splits)
    rows = np.random.default_rng(protocol.seed).permutation(len(splits.held_out["image"]))
    rows = rows[: protocol.n]
    said = {k: v[rows] for k, v in shapes.said(splits.held_out["factors"]).items()}
    made = sample_captions(model, splits.held_out["tokens"][rows], protocol.seed)
    real = splits.unit(splits.held_out["image"][rows])
    found, floor = (
        caption_accuracy(classifier.log_probabilities(images), said, protocol.seed)
        for images in (splits.quantised(made), real)
    )
    found["seeds_differ"] = diversity_within_captions(made, said) / diversity_within_captions(
        real, said
    )
    floor["seeds_differ"] = 1.0
    return found | one_word_changed(model, splits, classifier, said, made, protocol.seed), floor


def diversity_within_captions(images: np.ndarray, said: Mapping[str, np.ndarray]) -> float:
    """How much images of the same caption differ: the mean of a pixel's absolute difference."""
    rows = np.stack([said[name] for name in FACTORS], axis=1)
    _, which = np.unique(rows, axis=0, return_inverse=True)
    which = which.ravel()
    of_each = [images[which == i] for i in range(which.max() + 1)]
    return float(np.mean([np.abs(x - np.roll(x, 1, axis=0)).mean() for x in of_each if len(x) > 1]))


def one_word_changed(
    model: "GenerativeModel",
    splits: "Splits",
    classifier: FactorClassifier,
    said: Mapping[str, np.ndarray],
    made: np.ndarray,
    seed: int,
) -> dict[str, float]:
    """What becomes of images when their captions say one thing else, from the same seeds.

    "word_obeyed": how often that thing is then seen; "word_kept": how often each other one is seen
    as before.
    """
    random = np.random.default_rng(seed)
    n = len(made)
    which = random.integers(len(FACTORS), size=n)
    other = {}
    for i, (name, kinds) in enumerate(FACTORS.items()):
        moved = (said[name] + random.integers(1, kinds, size=n)) % kinds
        other[name] = np.where(which == i, moved, said[name])
    texts = [_text({name: int(other[name][i]) for name in FACTORS}) for i in range(n)]
    assert model.condition
    tokens = model.condition.rows(texts, n)
    before, after = (
        {
            k: p.argmax(axis=1)
            for k, p in classifier.log_probabilities(splits.quantised(part)).items()
        }
        for part in (made, sample_captions(model, tokens, seed))
    )
    rows = np.arange(n)
    seen, was, wanted = (np.stack([part[k] for k in FACTORS]) for part in (after, before, other))
    obeyed = (seen == wanted)[which, rows]
    kept = np.sum(seen == was, axis=0) - (seen == was)[which, rows]
    return {
        "word_obeyed": float(obeyed.mean()),
        "word_kept": float(kept.mean()) / (len(FACTORS) - 1),
    }


def _text(said: Mapping[str, Any]) -> str:
    above, across = divmod(said["position"], 3)
    return shapes.caption(
        said["shape"], said["scale"], across, above, places=3, colour=said["colour"]
    )


def sample_captions(
    model: "GenerativeModel", tokens: np.ndarray, seed: int, batch: int = 250
) -> np.ndarray:
    """An image of each caption, with a seed of its own: [N, T] -> [N, H, W, C]."""
    sample = compiled(model.sample)
    seeds = np.arange(seed, seed + len(tokens), dtype=np.int32)
    return np.concatenate(
        [
            sample(tf.constant(seeds[i : i + batch]), tf.constant(tokens[i : i + batch]))
            for i in range(0, len(tokens), batch)
        ]
    )


def caption_accuracy(
    log_p: Mapping[str, np.ndarray], said: Mapping[str, np.ndarray], seed: int
) -> dict[str, float]:
    """Shares of images that show each thing that was said, and all; and R-precision.

    log_p: {what: [N, K]}; said: {what: [N]}. R-precision: how often the right caption is the
    likeliest of 100, the others drawn from those that say something else.
    """
    seen = {name: log_p[name].argmax(axis=1) == said[name] for name in FACTORS}
    found = {f"caption_{name}": float(right.mean()) for name, right in seen.items()}
    found["caption_all"] = float(np.all(list(seen.values()), axis=0).mean())
    random = np.random.default_rng(seed)
    every = np.unique(np.stack([said[name] for name in FACTORS], axis=1), axis=0)
    n = len(next(iter(said.values())))
    parts = (log_p[name][:, every[:, i]] for i, name in enumerate(FACTORS))
    score = sum(parts, np.zeros(()))
    right = np.all(every[None] == np.stack([said[n] for n in FACTORS], axis=1)[:, None], axis=-1)
    first = 0
    for i in range(n):
        others = np.flatnonzero(~right[i])
        others = random.choice(others, min(CANDIDATES - 1, len(others)), replace=False)
        first += score[i, right[i].argmax()] > score[i, others].max()
    found["r_precision"] = first / n
    return found


def pictures_found(
    model: "GenerativeModel",
    splits: "Splits",
    protocol: "Protocol",
    features: "Features",
    absent: "Absent",
) -> tuple[dict[str, float], dict[str, float]]:
    """({metric: number} of the model, of the nearest training caption's picture in its place).

    Of the held-out captions of which training knows a word, the first `CANDIDATES`.
    """
    tokens = splits.held_out["tokens"]
    rows = np.flatnonzero((tokens >= text.FIRST_WORD).any(axis=1))[:CANDIDATES]
    if len(rows) < 2:
        why = "it takes two held-out captions of which training knows a word"
        absent.because(why, "picture_found", "picture_nearer")
        return {}, {}
    made = splits.quantised(sample_captions(model, tokens[rows], protocol.seed))
    nearest = most_shared(splits.train["tokens"], tokens[rows])
    real, of_model, of_words = (
        features.features(images)
        for images in (
            splits.unit(splits.held_out["image"][rows]),
            made,
            splits.unit(splits.train["image"][nearest]),
        )
    )
    return found_among(of_model, real), found_among(of_words, real)


def found_among(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Samples and pictures of the same captions, features [N, D] -> how these find those."""
    away = np.linalg.norm(samples[:, None] - real[None], axis=-1)
    own = np.diag(away)[:, None]
    others = ~np.eye(len(away), dtype=bool)
    nearer = np.where(others, (own < away) + 0.5 * (own == away), 0.0).sum(axis=1) / (len(real) - 1)
    return {
        "picture_found": float((nearer == 1).mean()),
        "picture_nearer": float(nearer.mean()),
    }


def most_shared(train: np.ndarray, captions: np.ndarray) -> np.ndarray:
    """Of each caption the training caption whose set of words is most alike: [N, T] -> int [N].

    By the words of both over those of either one (Jaccard); the first of several.
    """
    size = int(max(train.max(), captions.max())) + 1
    has, says = (words_of(tokens, size) for tokens in (train, captions))
    shared = says @ has.T
    either = says.sum(axis=1)[:, None] + has.sum(axis=1)[None] - shared
    return np.argmax(shared / either, axis=1)


def words_of(tokens: np.ndarray, size: int) -> np.ndarray:
    """Which words a caption has, an unknown one among them: [N, T] -> 0 or 1, [N, size]."""
    found = np.zeros((len(tokens), size), np.float32)
    np.put_along_axis(found, tokens.astype(np.int64), 1.0, axis=1)
    found[:, 0] = 0.0  # no word
    return found
