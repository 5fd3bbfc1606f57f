"""Metrics of nearest neighbours: do samples lie among the data, and are the data all covered?

Every set is float [N, D]: rows of features or of pixels. Distances are Euclidean, summed in
float64.

| function | what it tells | ideal |
|---|---|---|
| `precision_recall` | samples near a real image; real images near a sample | the floor's |
| `density_coverage` | the same, robust; coverage alone tells of missing modes | 1; 1 - 2^-k |
| `two_sample_accuracy` | how well a nearest neighbour tells samples from data | 0.5 |
| `memorisation` | whether samples are copies of training images | 1; 0.01 |
"""

from collections.abc import Iterator

import numpy as np

from tfgen.errors import NotMeasurable

# Of distances held at a time.
BLOCK_MB = 64


def _chunks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of rows of the distances between a and b: (slice, [rows, len(b)])."""
    from sklearn.metrics import pairwise_distances_chunked

    # Single precision is not copied whole: scikit-learn widens it block by block.
    start = 0
    for block in pairwise_distances_chunked(a, b, working_memory=BLOCK_MB):
        yield slice(start, start + len(block)), block
        start += len(block)


def nearest(
    a: np.ndarray, b: np.ndarray, but: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest row of b for each row of a: (distances [N], indices [N]).

    but: for each row of a the index of the row of b that does not count, [N].
    """
    distances, indices = np.empty(len(a)), np.empty(len(a), np.int64)
    for rows, block in _chunks(a, b):
        if but is not None:
            block[np.arange(len(block)), but[rows]] = np.inf
        indices[rows] = block.argmin(axis=1)
        distances[rows] = block[np.arange(len(block)), indices[rows]]
    return distances, indices


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """The distance of each row to its k-th nearest other row: [N].

    Raises: NotMeasurable if there are k rows or fewer.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(x) <= k:
        ordinal = {1: "1st", 2: "2nd", 3: "3rd"}.get(k, f"{k}th")
        raise NotMeasurable(
            f"the {ordinal} nearest neighbour needs at least {k + 1} images, got {len(x)}"
        )
    x = np.asarray(x, np.float64)
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()[0][:, -1]


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Kynkaanniemi et al. 2019, equations 1 and 2: (precision, recall), both in [0, 1].

    A sample is precise if it lies in the ball around some real image that reaches to that image's
    k-th neighbour; a real image is recalled if it lies in such a ball around a sample.
    """
    real_radii, fake_radii = radii(real, k), radii(fake, k)
    recalled = np.empty(len(real), bool)
    precise = np.zeros(len(fake), bool)
    for rows, block in _chunks(real, fake):
        recalled[rows] = (block < fake_radii).any(axis=1)
        precise |= (block < real_radii[rows, None]).any(axis=0)
    return float(precise.mean()), float(recalled.mean())


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Naeem et al. 2020, equations 3 and 4: (density >= 0, coverage in [0, 1]).

    Density counts in how many real balls a sample lies, over k; it may exceed 1. Coverage is the
    share of real balls that hold a sample; for equal distributions it is about 1 - 2^-k.
    """
    real_radii = radii(real, k)
    inside, covered = 0, 0
    for rows, block in _chunks(real, fake):
        within = block < real_radii[rows, None]
        inside += within.sum()
        covered += within.any(axis=1).sum()
    return float(inside / (k * len(fake))), float(covered / len(real))


def two_sample_accuracy(real: np.ndarray, fake: np.ndarray) -> tuple[float, float, float]:
    """Leave-one-out accuracy of a 1-nearest-neighbour classifier of real against fake.

    Lopez-Paz and Oquab 2017; Xu et al. 2018: (all, on real, on fake), each in [0, 1]. 0.5: they
    cannot be told apart. 1: they are apart. Below 0.5: the samples are copies of these very images.
    """
    own = {"real": radii(real, 1), "fake": radii(fake, 1)}
    across = {"real": nearest(real, fake)[0], "fake": nearest(fake, real)[0]}
    # A tie says nothing: half a vote.
    votes = {s: (own[s] < across[s]) + 0.5 * (own[s] == across[s]) for s in own}
    both = np.concatenate([votes["real"], votes["fake"]])
    return float(both.mean()), float(votes["real"].mean()), float(votes["fake"].mean())


def memorisation(
    fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, own: np.ndarray | None = None
) -> tuple[float, float]:
    """(ratio, copies): how much nearer to training images samples are than other real images.

    ratio: the median distance of a sample to its nearest training image, over the same median of
    held-out images. 1: as far as fresh data; 0: copies; blurred samples lie somewhat below 1.
    copies: the share of samples that are nearer than the nearest 1 % of held-out images.
    own: where `fake` are training images themselves, their rows in `train`, which do not count.
    """
    return nearer(nearest(fake, train, own)[0], nearest(held_out, train)[0])


def nearer(fake_distances: np.ndarray, held_out_distances: np.ndarray) -> tuple[float, float]:
    """The same of distances to the nearest training image, [N] and [M]."""
    ratio = np.median(fake_distances) / np.median(held_out_distances)
    return float(ratio), float((fake_distances < np.quantile(held_out_distances, 0.01)).mean())
