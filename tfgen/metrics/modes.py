"""Modes of 2-D mixtures: which a sampler reaches, and how many of its points lie in one."""

import numpy as np


def modes(points: np.ndarray, means: np.ndarray, sigma: float) -> tuple[int, float, float]:
    """(modes covered, share of high quality, KL of the modes' shares) of points [N, 2].

    Srivastava et al. 2017, section 4.1, with the constants of Lin et al. 2018: a point is of high
    quality within 3 sigma of the nearest of means [K, 2]; a mode is covered by one such point. An
    ideal sampler has 1 - exp(-9/2) = 98.89 % of high quality. The KL, in nats, is of the shares
    that the modes get of the points of high quality, from the uniform; inf with none.
    """
    points, means = np.asarray(points, np.float64), np.asarray(means, np.float64)
    distances = np.linalg.norm(points[:, None] - means, axis=-1)
    good = distances.min(axis=1) <= 3.0 * sigma
    counts = np.bincount(distances.argmin(axis=1)[good], minlength=len(means))
    if not good.any():
        return 0, 0.0, float("inf")
    p = counts[counts > 0] / counts.sum()
    return (
        int((counts > 0).sum()),
        float(good.mean()),
        max(0.0, float(np.sum(p * np.log(p * len(means))))),
    )
