"""The embedded `ring` and `grid`: points of the plane from mixtures whose density is known.

Ring: 8 Gaussians on the unit circle, sigma 0.01. Grid: 5 x 5 Gaussians, 2 apart, sigma 0.05.
Introduced for mode collapse by Metz et al. 2017 and Srivastava et al. 2017; these constants are
those of Lin et al. 2018 (PacGAN), whose tables most others print beside their own.

A point is an image of one pixel with two channels, x and y, so that every model and every format of
the zoo takes it as it is. Its 65,536 levels span the square [-extent, extent]: 300 levels a sigma
for the ring and 350 for the grid.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

LEVELS = 65536
SPLITS = {"train": 20_000, "validation": 2_500, "test": 2_500}


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Gaussians of equal weight: means [K, 2], their sigma, and half the side of the square."""

    means: np.ndarray
    sigma: float
    extent: float

    def sample(self, n: int, random: np.random.Generator) -> np.ndarray:
        """n points [n, 2] by a numpy Generator."""
        which = random.integers(len(self.means), size=n)
        return self.means[which] + self.sigma * random.normal(size=(n, 2))

    def log_prob(self, points: np.ndarray) -> np.ndarray:
        """log density of points [N, 2] in the plane, nats: [N]."""
        squared = np.sum((np.asarray(points)[:, None] - self.means) ** 2, axis=-1)
        terms = -0.5 * squared / self.sigma**2 - math.log(2 * math.pi * self.sigma**2)
        return np.logaddexp.reduce(terms, axis=1) - math.log(len(self.means))

    def score(self, points: np.ndarray, noise: float = 0.0) -> np.ndarray:
        """The gradient of log density of points [N, 2], with noise of this standard deviation.

        In the square from -1 to 1, as images have it: [N, 2] -> [N, 2].
        """
        away = self.means / self.extent - np.asarray(points)[:, None]
        variance = (self.sigma / self.extent) ** 2 + noise**2
        logits = -0.5 * np.sum(away**2, axis=-1) / variance
        share = np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])
        return np.einsum("nk,nkd->nd", share, away) / variance

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Points [N, 2] -> images [N, 1, 1, 2] in [0, 1]."""
        return (np.asarray(points)[:, None, None] / self.extent + 1.0) / 2.0

    def to_points(self, images: np.ndarray) -> np.ndarray:
        """Images [N, 1, 1, 2] in [0, 1] -> points [N, 2]."""
        return (2.0 * np.asarray(images, np.float64)[:, 0, 0] - 1.0) * self.extent


def _ring() -> Mixture:
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01, 1.1)


def _grid() -> Mixture:
    ticks = np.arange(-4.0, 5.0, 2.0)
    return Mixture(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), 0.05, 4.7)


MIXTURES = {"ring": _ring(), "grid": _grid()}


class _Points(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Tensor(shape=(1, 1, 2), dtype=np.uint16)}
            ),
            metadata=tfds.core.MetadataDict(levels=LEVELS),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {name: self._generate_examples(i, n) for i, (name, n) in enumerate(SPLITS.items())}

    def _generate_examples(self, seed: int, n: int) -> Iterator[tuple[int, dict[str, Any]]]:
        mixture = MIXTURES[self.name]
        images = mixture.to_image(mixture.sample(n, np.random.default_rng(seed)))
        levels = np.clip(np.round(images * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint16)
        for i, image in enumerate(levels):
            yield i, {"image": image}


class Ring(_Points):
    """Eight Gaussians on a circle; `MIXTURES["ring"]` is their density."""


class Grid(_Points):
    """Twenty-five Gaussians on a grid; `MIXTURES["grid"]` is their density."""
