"""Anomaly scores, the greater the more anomalous, and how well they tell anomalies from the rest.

Images are float [N, D] in [0, 1] or codes; each score is fitted to normal training images alone.
"""

import numpy as np


def nearest_neighbours(train: np.ndarray, test: np.ndarray, k: int = 5) -> np.ndarray:
    """The distance to the k-th nearest training image: [N]."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(train).kneighbors(test)[0][:, -1]


def kernel_density(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """-log of a Gaussian kernel density; its width is the likeliest, leaving one out.

    By all distances: the trees of scikit-learn lose small densities in many dimensions.
    """
    from scipy.spatial.distance import cdist

    train = np.asarray(train[:2000], np.float64)
    squares = cdist(train, train, "sqeuclidean")
    np.fill_diagonal(squares, np.inf)
    scale = float(np.sqrt(train.var(axis=0).sum()))
    widths = scale * np.array([0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4])
    width = max(widths, key=lambda h: _log_kernels(squares, h, train.shape[1]).mean())
    return -_log_kernels(cdist(test, train, "sqeuclidean"), width, train.shape[1])


def _log_kernels(squares: np.ndarray, width: float, size: int) -> np.ndarray:
    """log of the mean of normal densities, from squared distances [N, M] -> [N]."""
    from scipy.special import logsumexp

    log_volume = 0.5 * size * np.log(2 * np.pi * width**2)
    return logsumexp(-0.5 * squares / width**2, axis=1) - np.log(squares.shape[1]) - log_volume


def principal_components(train: np.ndarray, test: np.ndarray, units: int) -> np.ndarray:
    """The squared error of what `units` principal components keep: [N]."""
    from sklearn.decomposition import PCA

    pca = PCA(units, random_state=0).fit(train)
    return np.square(test - pca.inverse_transform(pca.transform(test))).sum(axis=1)


def mahalanobis(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The distance from the mean in units of the training images' covariance: [N]."""
    from sklearn.covariance import LedoitWolf

    return LedoitWolf().fit(train).mahalanobis(test)


def auroc(scores: np.ndarray, anomalous: np.ndarray) -> float:
    """Area under the ROC curve: the chance that an anomaly scores above the rest, ties by half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(anomalous, scores))
