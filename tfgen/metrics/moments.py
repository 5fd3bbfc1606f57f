"""What distances between sets need of features, as sums: parts of a set are summed up elsewhere.

The Frechet distance needs mean and covariance (Chan, Golub and LeVeque 1983 merge those of parts).
The kernel distance needs the mean kernel over all pairs, which for a polynomial kernel is a product
of sums over single images:

    (x.y / D + 1)^3 = <x'^(3), y'^(3)>,   x' = (x / sqrt D, 1),   x'^(3) [D+1, D+1, D+1] = x' x' x'
    sum_ij k(x_i, y_j) = <sum_i x_i'^(3), sum_j y_j'^(3)>

so that a million images are compared in all their pairs, in one pass over them.
"""

import dataclasses

import numpy as np

from tfgen.errors import NotMeasurable
from tfgen.metrics import distances

MOST_OF_KERNEL = 128  # features, whose sums of three take 17 MB


@dataclasses.dataclass(frozen=True)
class Moments:
    """Sums over features, float64. `a + b` are those of both sets together.

    Args:
      count: of rows; mean [D]; scatter [D, D], the sum of (x - mean)(x - mean)^T.
      third: the sum of x'^(3); None of more than 128 features. own: the sum of k(x, x).
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray
    third: np.ndarray | None
    own: float

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Features [N, D] of one row or more."""
        x = np.asarray(features, np.float64)
        n, d = x.shape
        mean = x.mean(axis=0)
        centred = x - mean
        more = np.concatenate([x / np.sqrt(d), np.ones((n, 1))], axis=1)
        third = None
        if d <= MOST_OF_KERNEL:
            pairs = (more[:, :, None] * more[:, None, :]).reshape(n, -1)
            third = (more.T @ pairs).reshape(d + 1, d + 1, d + 1)
        own = float((np.square(more).sum(axis=1) ** 3).sum())
        return cls(n, mean, centred.T @ centred, third, own)

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        step = other.mean - self.mean
        between = np.outer(step, step) * (self.count * other.count / count)
        third = None
        if self.third is not None and other.third is not None:
            third = self.third + other.third
        return Moments(
            count,
            self.mean + step * (other.count / count),
            self.scatter + other.scatter + between,
            third,
            self.own + other.own,
        )

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased, [D, D]."""
        return self.scatter / (self.count - 1)


def frechet(real: Moments, fake: Moments) -> float:
    """`distances.frechet` of two sets.

    Raises: NotMeasurable for a set with no more rows than features.
    """
    for part in (real, fake):
        distances.check_count(part.count, len(part.mean))
    return distances.frechet_gaussians(real.mean, real.covariance, fake.mean, fake.covariance)


def unbiased_mmd(real: Moments, fake: Moments) -> float:
    """`distances.unbiased_mmd` of two sets, over all pairs.

    Raises: NotMeasurable for a single image, and for more than 128 features.
    """
    if real.third is None or fake.third is None:
        raise NotMeasurable(
            f"all pairs are compared of up to {MOST_OF_KERNEL} features, and these are "
            f"{len(real.mean)}: one process, without `workers`, has the KID of subsets"
        )
    distances.check_pairs(min(real.count, fake.count))

    def within(x: Moments) -> float:
        assert x.third is not None
        return float((np.vdot(x.third, x.third) - x.own) / (x.count * (x.count - 1)))

    across = float(np.vdot(real.third, fake.third)) / (real.count * fake.count)
    return within(real) + within(fake) - 2.0 * across
