"""Scores of what is odd, by hand."""

import numpy as np
from scipy.stats import multivariate_normal

from tfgen.metrics import novelty


def test_scores_by_hand():
    train = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5], [0.4, 0.6]])
    test = np.array([[0.5, 0.5], [4.0, 4.0]])
    found = novelty.nearest_neighbours(train, test, k=2)
    np.testing.assert_allclose(found, [np.sqrt(0.02), np.sqrt(3.5**2 * 2)])
    kept = novelty.principal_components(np.array([[0.0, 0], [1, 1], [2, 2]]), [[3, 3], [0, 2]], 1)
    np.testing.assert_allclose(kept, [0, 2], atol=1e-9)
    near, far = novelty.mahalanobis(train, test)
    assert far > 10 * near
    low, high = novelty.kernel_density(np.random.default_rng(0).normal(size=(200, 2)), test)
    assert high > low + 5
    points = np.array([[0.0, 0], [3, 4], [0, 1]])
    log_p = novelty._log_kernels(np.square(points[:, None] - points).sum(-1), 0.7, 2)
    p = [np.mean([multivariate_normal(b, 0.49 * np.eye(2)).pdf(a) for b in points]) for a in points]
    np.testing.assert_allclose(np.exp(log_p), p)
    assert novelty.auroc(np.array([1, 2, 3, 4]), np.array([0, 0, 1, 1], bool)) == 1.0
    assert novelty.auroc(np.array([1, 4, 3, 2]), np.array([0, 0, 1, 1], bool)) == 0.5
    assert novelty.auroc(np.array([1, 1, 1]), np.array([0, 1, 1], bool)) == 0.5
