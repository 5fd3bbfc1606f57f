"""Distances between two sets of features, float [N, D] and [M, D]: Frechet and kernel."""

from collections.abc import Sequence

import numpy as np

from tfgen.errors import NotMeasurable

ROWS = 1000  # of pairs held at a time


def frechet(real: np.ndarray, fake: np.ndarray) -> float:
    """The squared Frechet (2-Wasserstein) distance of two Gaussians fitted to the features.

    Heusel et al. 2017, equation 6:  |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)).

    Biased upwards by about 1/N: compare only at equal N, and with the floor.

    Raises: NotMeasurable for a set with no more rows than features: its covariance is singular.
    """
    for x in (real, fake):
        check_count(*np.shape(x))
    return frechet_gaussians(*moments(real), *moments(fake))


def check_count(n: int, d: int) -> None:
    """Raises: NotMeasurable for n images of d features with a singular covariance."""
    if n <= d:
        raise NotMeasurable(
            f"the Frechet distance of {d} features needs at least {d + 1} images, got {n}"
        )


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] and covariance [D, D] of features [N, D]."""
    x = np.asarray(x, np.float64)
    return x.mean(axis=0), np.cov(x, rowvar=False)


def frechet_gaussians(m1: np.ndarray, s1: np.ndarray, m2: np.ndarray, s2: np.ndarray) -> float:
    """The same from means [D] and covariances [D, D]."""
    # Tr (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2), which is
    # symmetric: no complex numbers, and no root of a matrix that is nearly singular.
    s1, s2 = np.atleast_2d(s1), np.atleast_2d(s2)
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ s2 @ root), 0.0)).sum()
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2.0 * cross)


def kernel(
    real: np.ndarray, fake: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The kernel distance KID: (mean, standard deviation) over random subsets.

    Binkowski et al. 2018: the unbiased squared maximum mean discrepancy with the kernel
    (x.y / D + 1)^3. It may be negative. The deviation is over subsets, not over runs. Subsets are
    of `size` images, or of half of the smaller set where that is less.

    Raises: NotMeasurable for fewer than 4 images.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    size = min(size, len(real) // 2, len(fake) // 2)
    if size < 2:
        raise NotMeasurable(
            f"the kernel distance needs at least 4 images, got {min(len(real), len(fake))}"
        )
    random = np.random.default_rng(seed)
    values = [
        unbiased_mmd(
            real[random.choice(len(real), size, replace=False)],
            fake[random.choice(len(fake), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def unbiased_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton et al. 2012, equation 3, with the kernel of `kernel`, for [N, D] and [M, D].

    Raises: NotMeasurable for a single image, which has no pair.
    """
    check_pairs(min(len(x), len(y)))
    of_y = _mean_off_diagonal(_cubic(y, y))
    return float(_mean_off_diagonal(_cubic(x, x)) + of_y - 2.0 * _cubic(x, y).mean())


def mmd_of_parts(x: np.ndarray, y: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """`unbiased_mmd(x, y[rows])` for the rows of each part: [R], by one pass over all pairs.

    Raises: NotMeasurable as that does.
    """
    check_pairs(min(len(x), *map(len, parts)))
    among = np.zeros((len(y), len(parts)))
    for i, rows in enumerate(parts):
        among[rows, i] = 1.0
    count = among.sum(axis=0)
    of_y, with_x = np.zeros(len(parts)), np.empty(len(y))
    for start in range(0, len(y), ROWS):
        block = slice(start, start + ROWS)
        k = _cubic(y[block], y)
        k[np.arange(len(k)), np.arange(start, start + len(k))] = 0.0
        of_y += (among[block] * (k @ among)).sum(axis=0)
        with_x[block] = _cubic(y[block], x).mean(axis=1)
    of_x = _mean_off_diagonal(_cubic(x, x))
    return of_x + of_y / (count * (count - 1)) - 2.0 * (with_x @ among) / count


def _cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The kernel of all pairs of rows: [N, M]."""
    inner = a @ b.T / a.shape[1] + 1.0
    return inner * inner * inner  # NumPy's power takes ten times as long


def _mean_off_diagonal(m: np.ndarray) -> float:
    return (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))


def check_pairs(n: int) -> None:
    """Raises: NotMeasurable for a single image, which has no pair."""
    if n < 2:
        raise NotMeasurable(f"the kernel distance needs at least 2 images, got {n}")
