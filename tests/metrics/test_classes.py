"""What classes tell of samples and of clusters, by hand."""

import math

import numpy as np
import pytest

from tfgen.metrics import classes


def test_classifier_score_at_its_ends():
    sure = np.eye(10)[np.arange(100) % 10]
    assert classes.classifier_score(sure) == pytest.approx(10.0)
    assert classes.classifier_score(np.full((100, 10), 0.1)) == pytest.approx(1.0)
    assert classes.classifier_score(np.eye(10)[np.zeros(100, int)]) == pytest.approx(1.0)


def test_classifier_score_by_hand():
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    marginal = p.mean(axis=0)
    kl = [sum(q * math.log(q / m) for q, m in zip(row, marginal, strict=True)) for row in p]
    assert classes.classifier_score(p) == pytest.approx(math.exp(sum(kl) / 2))


def test_shares_and_entropy():
    shares = classes.shares(np.array([0, 0, 2, 2]), 4)
    np.testing.assert_array_equal(shares, [0.5, 0, 0.5, 0])
    assert classes.entropy(shares) == pytest.approx(math.log(2))
    assert classes.entropy(np.full(10, 0.1)) == pytest.approx(math.log(10))


def test_the_adjusted_rand_index():
    labels = np.array([0, 0, 1, 1])
    assert classes.adjusted_rand_index(labels, np.array([5, 5, 2, 2])) == 1.0
    # Hubert and Arabie's formula by hand: (0 - 2/3) / (2 - 2/3) for the crossed partition.
    assert classes.adjusted_rand_index(labels, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)
