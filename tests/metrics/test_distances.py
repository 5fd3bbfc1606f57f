"""Distances between sets of features: closed forms, sums by hand, another package."""

import math

import numpy as np
import ot
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from tests.support.arrays import sets
from tfgen.errors import UserError
from tfgen.metrics import (
    distances,
)


def test_frechet_of_gaussians_with_diagonal_covariances_is_the_closed_form():
    m1, m2 = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    s1, s2 = np.array([1.0, 4.0, 0.25]), np.array([9.0, 1.0, 0.25])
    expected = np.sum((m1 - m2) ** 2) + np.sum((np.sqrt(s1) - np.sqrt(s2)) ** 2)
    found = distances.frechet_gaussians(m1, np.diag(s1), m2, np.diag(s2))
    assert found == pytest.approx(expected, rel=1e-12)


def test_frechet_agrees_with_an_independent_package(random):
    x, y = sets(random)
    y = y @ random.normal(size=(5, 5))
    # POT's estimate of a covariance divides by N, ours by N - 1.
    moments = [(a.mean(axis=0), np.cov(a, rowvar=False)) for a in (x, y)]
    (m1, s1), (m2, s2) = moments
    expected = ot.gaussian.bures_wasserstein_distance(m1, m2, s1, s2) ** 2
    assert distances.frechet(x, y) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_a_set_with_itself_and_its_shift(random):
    x, _ = sets(random)
    assert distances.frechet(x, x) == pytest.approx(0.0, abs=1e-9)
    assert distances.frechet(x, x + 3.0) == pytest.approx(45.0, rel=1e-9)
    # A singular covariance has a distance too.
    flat = np.concatenate([x, np.zeros_like(x)], axis=1)
    assert distances.frechet(flat, flat + 1.0) == pytest.approx(10.0, rel=1e-6)


def test_frechet_says_how_many_images_it_needs(random):
    with pytest.raises(UserError, match="5 features needs at least 6 images, got 4"):
        distances.frechet(*sets(random, n=50, m=4))


def test_kernel_distance_is_the_textbook_sum(random):
    x, y = sets(random, 40, 30)
    total = 0.0
    n, m = len(x), len(y)
    kxx, kyy, kxy = (
        polynomial_kernel(a, b, degree=3, gamma=1 / 5, coef0=1) for a, b in ((x, x), (y, y), (x, y))
    )
    total += sum(kxx[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    total += sum(kyy[i, j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    total -= 2 * kxy.mean()
    assert distances.unbiased_mmd(x, y) == pytest.approx(total, rel=1e-12)


def test_parts_are_measured_in_one_pass(monkeypatch):
    monkeypatch.setattr(distances, "ROWS", 7)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 30, 4))
    parts = [random.permutation(30)[:size] for size in (24, 24, 2, 30)]
    expected = [distances.unbiased_mmd(x, y[rows]) for rows in parts]
    assert distances.mmd_of_parts(x, y, parts) == pytest.approx(expected, rel=1e-10)
    with pytest.raises(UserError, match="at least 2 images, got 1"):
        distances.mmd_of_parts(x, y, [*parts, parts[0][:1]])


def test_kernel_distance_is_unbiased(random):
    """Its mean over many pairs of samples of one distribution is zero, within four errors."""
    values = [distances.unbiased_mmd(*random.normal(size=(2, 20, 3))) for _ in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(len(values))
    assert min(values) < 0


def test_kernel_subsets(random):
    x, y = sets(random, 50, 40)
    mean, std = distances.kernel(x, y, subsets=200, seed=1)
    assert mean == pytest.approx(distances.unbiased_mmd(x, y), abs=4 * std / math.sqrt(200))
    assert (mean, std) == distances.kernel(x, y, subsets=200, seed=1)
    with pytest.raises(UserError, match="at least 4 images"):
        distances.kernel(x[:3], y)
