"""Translations between two domains: whether they look right, come back, and are the true ones.

Training saw no pairs. Where the data know the true translation of each image (`truth`), an error
can be measured all the same; where they have labels, whether those are kept.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfgen import latents
from tfgen.compiling import compiled
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import FIRST_SEED, MOST_SAMPLES
from tfgen.metrics import distances
from tfgen.metrics import features as feature_networks

if TYPE_CHECKING:
    from tfgen.evaluation.protocol import Splits
    from tfgen.model import GenerativeModel


class Domain:
    """One domain as translations into it are judged: its real images, features, labels, truth.

    Args:
      splits: `Splits`; prefix: "" for X and "other_" for Y, as in the keys of a batch.
    """

    def __init__(self, splits: "Splits", prefix: str) -> None:
        self.splits, self.prefix = splits, prefix
        train, held_out = (self._of(arrays, prefix) for arrays in (splits.train, splits.held_out))
        self.images = splits.unit(held_out["image"])
        self.train = splits.unit(train["image"])
        self.labels = held_out.get("label")
        truth = held_out.get("truth")
        self.truth = None if truth is None else splits.unit(truth)  # in the other domain
        truth = train.get("truth")
        self.train_truth = None if truth is None else splits.unit(truth)
        # True translations of the other domain's images are images of this one.
        more = self._of(splits.train, "" if prefix else "other_")
        shown: dict[str, np.ndarray] = {
            key: train[key] for key in ("image", "label") if key in train
        }
        if "truth" in more:
            shown = {
                key: np.concatenate([shown[key], more["truth" if key == "image" else key]])
                for key in shown
            }
        self.features = feature_networks.choose("auto", shown, held_out, splits.about.levels)

    def floor(self) -> float:
        """The Frechet distance of training images from as many held-out ones, which models meet.

        Raises: NotMeasurable for too few of them.
        """
        rows = np.random.default_rng(FIRST_SEED).permutation(len(self.train))[: len(self.images)]
        sets = self.images, self.train[rows]
        return distances.frechet(*(self.features.features(images) for images in sets))

    @staticmethod
    def _of(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
        names = {"image": "other" if prefix else "image"}
        names |= {key: prefix + key for key in ("label", "truth")}
        return {k: arrays[n][:MOST_SAMPLES] for k, n in names.items() if n in arrays}


def translations(
    model: "GenerativeModel", splits: "Splits", absent: Absent
) -> tuple[dict[str, float], dict[str, float], dict[str, dict[str, float]]]:
    """(results of the model, of real images against real ones, {baseline: results}).

    results: {metric: number}, for X -> Y with "_y", for Y -> X with "_x"; absent: takes the
    metrics that the images do not allow.
    """
    x, y = Domain(splits, ""), Domain(splits, "other_")
    translate = compiled(model.translate)

    def translator(domain: str) -> Callable[[np.ndarray], np.ndarray]:
        return lambda images: latents.in_batches(lambda part: translate(part, domain), images)

    found: dict[str, float] = {}
    cycle_errors = []
    for source, target, letter, back in ((x, y, "Y", "X"), (y, x, "X", "Y")):
        translated = translator(letter)(source.images)
        found |= _translation_metrics(translated, source, target, letter.lower(), absent)
        cycle_errors.append(np.abs(translator(back)(translated) - source.images).mean())
    found["cycle_error"] = float(np.mean(cycle_errors))
    trivial: dict[str, dict[str, float]] = {"untranslated": {}}
    for source, target, letter in ((x, y, "y"), (y, x, "x")):
        trivial["untranslated"] |= _translation_metrics(
            source.images, source, target, letter, Absent()
        )
        if source.train_truth is not None and source.truth is not None:
            mapped = colour_map(source.train, source.train_truth)(source.images)
            trivial.setdefault("best colour map", {}).update(
                _translation_metrics(mapped, source, target, letter, Absent())
            )
            # What the classifier that judges labels makes of true translations.
            trivial.setdefault("truth", {}).update(
                _translation_metrics(source.truth, source, target, letter, Absent())
            )
    floor = Absent().unless(("frechet_x",), lambda: [x.floor()])
    floor |= Absent().unless(("frechet_y",), lambda: [y.floor()])
    return found, floor, trivial


def _translation_metrics(
    translated: np.ndarray, source: Domain, target: Domain, letter: str, absent: Absent
) -> dict[str, float]:
    """Metrics of the translations of `source`'s held-out images into the domain `target`."""
    translated = source.splits.quantised(translated)
    real, fake = (target.features.features(images) for images in (target.images, translated))
    found = absent.unless((f"frechet_{letter}",), lambda: [distances.frechet(real, fake)])
    if source.truth is not None:
        found[f"translation_error_{letter}"] = float(np.abs(translated - source.truth).mean())
    if source.labels is not None and target.features.probabilities:
        seen = target.features.probabilities(translated).argmax(axis=1)
        found[f"labels_kept_{letter}"] = float(np.mean(seen == source.labels))
    return found


def colour_map(images: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The affine map of colours that makes the least squared error on pairs: a function of images.

    Each pixel by itself, [.., C] -> [.., C]; a model that never saw a pair should beat it all the
    same, for it cannot move ink.
    """
    c = images.shape[-1]
    colours = np.concatenate([images.reshape(-1, c), np.ones((images.size // c, 1))], axis=1)
    weights, *_ = np.linalg.lstsq(colours, truth.reshape(-1, c), rcond=None)
    return lambda x: np.clip(x @ weights[:-1] + weights[-1], 0, 1).astype(np.float32)
