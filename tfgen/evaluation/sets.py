"""Two sets of images against each other, of whatever made them: no model is asked.

    result = sets.compare(Pictures(images, "samples"), Pictures(against, "test"), ...)

`result` is what `tfgen.evaluate` returns:

    protocol   what was measured how: both names and counts, features and their hash, version
    results    {metric: number} of `images`
    errors     {metric: standard error} over other images of that kind
    floor      what other images of `against` get against it: one half against the other, `n` each
    not_measured  {metric: why not}
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfgen.errors import UserError
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.protocol import FIRST_SEED, VERSION
from tfgen.evaluation.samples import of_features, published_metrics
from tfgen.metrics import distances, errors
from tfgen.metrics import features as feature_networks

KINDS = ("auto", "textures", "inception")


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Args: images, uint8 levels [N, H, W, C]; levels, how many there are; name, for the record."""

    images: np.ndarray
    levels: int
    name: str

    @property
    def unit(self) -> np.ndarray:
        """float32 in [0, 1]."""
        return self.images.astype(np.float32) / np.float32(self.levels - 1)

    def first(self, n: int) -> "Pictures":
        return dataclasses.replace(self, images=self.images[:n]) if n else self


def compare(
    images: Pictures,
    against: Pictures,
    features: str = "auto",
    inception: tuple[str, str] = ("", ""),
    n: int = 0,
) -> dict[str, Any]:
    """What module says.

    Args:
      features: "auto" or "textures", fitted to `against`, or "inception" with its (path, SHA-256
        or "").
      n: of how many images, the first of each; 0: of all.

    Raises: UserError for fewer images than n, images of other shapes, or one set in both places.
    """
    for part in (images, against):
        if n > len(part.images):
            raise UserError(f"`n={n}`: {part.name} has {len(part.images)} images.")
    images, against = images.first(n), against.first(n)
    check_size(images.images.shape[1:], images.name, against)
    network = network_of(against, features, inception)
    absent = Absent()
    logits = None
    if network.scores:
        real = network.features(against.unit)
        fake, logits = network.scores(images.unit)
    else:
        real, fake = (network.features(part.unit) for part in (against, images))
    whole = network.scores is not None
    one, other = halves(len(real))
    return {
        "protocol": {
            **{"images": images.name, "of": len(images.images)},
            **{"against": against.name, "of_against": len(against.images)},
            **{"shape": list(against.images.shape[1:]), "features": network.kind},
            **{"features_hash": network.digest, "distance": network.distance, "version": VERSION},
        },
        "results": _measured(real, fake, logits, whole, absent),
        "errors": errors.by_parts(lambda rows: _smooth(real, fake[rows], whole), len(fake)),
        "floor": {
            "n": len(one),
            **_measured(real[one], real[other], None, whole, Absent()),
        },
        "not_measured": absent.reasons,
    }


def check_size(shape: tuple[int, ...], name: str, against: Pictures) -> None:
    """Raises: UserError for images of another shape."""
    if shape != against.images.shape[1:]:
        raise UserError(
            f"images of {shape} in {name} and of {against.images.shape[1:]} in {against.name}: "
            "they are compared at one size."
        )


def network_of(
    against: Pictures, features: str, inception: tuple[str, str]
) -> feature_networks.Features:
    """What `compare` compares in."""
    if features in ("auto", "textures"):
        return feature_networks.texture_features(against.images, against.levels)
    about = {"image": against.images}
    return feature_networks.choose(features, about, about, against.levels, inception)


def halves(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of either half of n images, drawn once for all."""
    rows = np.random.default_rng(FIRST_SEED).permutation(n)
    return rows[: n // 2], rows[n // 2 :]


def _measured(
    real: np.ndarray, fake: np.ndarray, logits: np.ndarray | None, published: bool, absent: Absent
) -> dict[str, float]:
    if published:
        return published_metrics(real, fake, logits, absent)
    return of_features(real, fake, absent) | absent.unless(
        ("kid", "kid_spread"), lambda: distances.kernel(real, fake)
    )


def _smooth(real: np.ndarray, fake: np.ndarray, published: bool) -> Mapping[str, float]:
    """The same, without spreads, and the kernel distance in one go."""
    found = _measured(real, fake, None, published, Absent())
    found |= Absent().unless(("kid",), lambda: [distances.unbiased_mmd(real, fake)])
    return {key: value for key, value in found.items() if not key.endswith("spread")}
