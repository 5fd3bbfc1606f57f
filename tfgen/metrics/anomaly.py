"""Scores of how odd an image is, the greater the odder, and how well they tell odd from normal.

Images are float [N, D] in [0, 1] or codes; each score is fitted to normal training images alone.
"""

import numpy as np


def nearest_neighbours(train, test, k=5):
    """The distance to the k-th nearest training image: [N]."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(train).kneighbors(test)[0][:, -1]


def kernel_density(train, test):
    """-log of a Gaussian kernel density; its width is the one of best likelihood in 5 folds."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KernelDensity

    scale = float(np.sqrt(train.var(axis=0).sum()))
    widths = {"bandwidth": scale * np.array([0.05, 0.1, 0.15, 0.2, 0.3])}
    found = GridSearchCV(KernelDensity(), widths, cv=5).fit(train[:2000])
    return -found.best_estimator_.fit(train).score_samples(test)


def principal_components(train, test, units):
    """The squared error of what `units` principal components keep: [N]."""
    from sklearn.decomposition import PCA

    pca = PCA(units, random_state=0).fit(train)
    return np.square(test - pca.inverse_transform(pca.transform(test))).sum(axis=1)


def mahalanobis(train, test):
    """The distance from the mean in units of the training images' covariance: [N]."""
    from sklearn.covariance import LedoitWolf

    return LedoitWolf().fit(train).mahalanobis(test)


def auroc(scores, odd):
    """The chance that an odd image scores above a normal one, ties by half: scores, bool [N]."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(odd, scores))
