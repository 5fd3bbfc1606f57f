"""What a classifier says of samples: probabilities [N, K] or labels [N] -> numbers."""

import numpy as np


def classifier_score(probabilities: np.ndarray) -> float:
    """exp E KL(p(y|x) || p(y)), the "inception score" of Salimans et al. 2016, section 4.

    From 1 to K. In one split. Blind to copies, and to classes of one image each.
    """
    p = np.asarray(probabilities, np.float64)
    p = np.clip(p, 1e-300, None)
    marginal = p.mean(axis=0)
    return float(np.exp(np.mean(np.sum(p * (np.log(p) - np.log(marginal)), axis=1))))


def adjusted_rand_index(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Agreement of two partitions [N], [N] (Hubert and Arabie 1985): 1 if equal, 0 by chance."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, clusters))


def shares(labels: np.ndarray, classes: int) -> np.ndarray:
    """The share of each class among labels [N]: [K]."""
    return np.bincount(labels, minlength=classes) / len(labels)


def entropy(shares: np.ndarray) -> float:
    """The entropy of class shares [K] in nats: log K if all are equally frequent."""
    p = np.asarray(shares, np.float64)
    p = p[p > 0]
    return float(-np.sum(p * np.log(p)))
