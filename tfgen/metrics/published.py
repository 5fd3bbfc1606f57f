"""Metrics of samples exactly as papers publish them, on features and logits of any network.

| function | as published by | as computed by |
|---|---|---|
| `fid` | Heusel et al. 2017, equation 6 | pytorch-fid, torch-fidelity |
| `inception_score` | Salimans et al. 2016, section 4 | torch-fidelity, `shuffle=False` |
| `kid` | Binkowski et al. 2018: 100 subsets of 1,000 | torch-fidelity |
| `prdc` | Naeem et al. 2020: all four with k = 5 | prdc |

They differ from those of this library's own tables in counts alone: the kernel distance there takes
subsets of at most half the images, precision and recall k = 3 neighbours, the score one split, and
a Frechet distance of fewer images than features is refused.
"""

import itertools

import numpy as np

from tfgen.errors import NotMeasurable
from tfgen.metrics import distances, neighbours

SPLITS, SUBSETS, SUBSET_SIZE, NEAREST = 10, 100, 1000, 5


def fid(real: np.ndarray, fake: np.ndarray) -> float:
    """The Frechet distance of features [N, D], [M, D]; with few images far too great.

    Raises: NotMeasurable for a set of a single image.
    """
    if min(len(real), len(fake)) < 2:
        raise NotMeasurable("a covariance needs at least 2 images")
    return distances.frechet_gaussians(*distances.moments(real), *distances.moments(fake))


def inception_score(logits: np.ndarray, splits: int = SPLITS) -> tuple[float, float]:
    """exp E KL(p(y|x) || p(y)) of logits [N, K]: (mean, standard deviation) over splits.

    Raises: NotMeasurable for fewer images than splits.
    """
    if len(logits) < splits:
        raise NotMeasurable(f"{splits} splits need as many images, got {len(logits)}")
    logits = np.asarray(logits, np.float64)
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    ends = [i * len(logits) // splits for i in range(splits + 1)]
    scores = []
    for start, end in itertools.pairwise(ends):
        part = log_p[start:end]
        log_mean = np.logaddexp.reduce(part, axis=0) - np.log(len(part))
        scores.append(np.exp(np.mean(np.sum(np.exp(part) * (part - log_mean), axis=1))))
    return float(np.mean(scores)), float(np.std(scores))


def kid(
    real: np.ndarray,
    fake: np.ndarray,
    subsets: int = SUBSETS,
    size: int = SUBSET_SIZE,
    seed: int = 2020,
) -> tuple[float, float]:
    """The kernel distance: (mean, standard deviation) over subsets, by torch-fidelity's draws.

    Raises: NotMeasurable for fewer images than a subset has.
    """
    if min(len(real), len(fake)) < size:
        raise NotMeasurable(
            f"subsets of {size} images need as many of each set, got {min(len(real), len(fake))}"
        )
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        some_fake = fake[random.choice(len(fake), size, replace=False)]
        some_real = real[random.choice(len(real), size, replace=False)]
        values.append(distances.unbiased_mmd(some_fake, some_real))
    return float(np.mean(values)), float(np.std(values))


def prdc(real: np.ndarray, fake: np.ndarray, k: int = NEAREST) -> dict[str, float]:
    """{"precision", "recall", "density", "coverage"} of features [N, D], [M, D].

    Raises: NotMeasurable for a set of k images or fewer.
    """
    precision, recall = neighbours.precision_recall(real, fake, k)
    density, coverage = neighbours.density_coverage(real, fake, k)
    return {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
