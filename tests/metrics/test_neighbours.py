"""Precision, recall and what else neighbours tell: brute force, and the package of the paper."""

import numpy as np
import prdc
import pytest

from tests.support.arrays import brute_force, sets
from tfgen.errors import UserError
from tfgen.metrics import (
    neighbours,
)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_density_coverage_agree_with_their_package(random, k):
    for real, fake in (sets(random), sets(random, 60, 200), sets(random, 80, 80, 40)):
        theirs = prdc.compute_prdc(real, fake, nearest_k=k)
        ours = neighbours.precision_recall(real, fake, k) + neighbours.density_coverage(
            real, fake, k
        )
        names = ("precision", "recall", "density", "coverage")
        np.testing.assert_allclose(ours, [theirs[name] for name in names], rtol=1e-12)


@pytest.mark.long
@pytest.mark.slow
def test_the_published_example_of_prdc():
    """The README of the authors' package: two standard normals in 1,000 dimensions, k = 5.

    It prints these numbers for 10,000 points each, of a seed that it does not state. Density has a
    standard deviation of 0.05 over seeds (measured, at 5,000 points), coverage of 0.006.
    """
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(2, 10_000, 1000))
    precision, recall = neighbours.precision_recall(real, fake, 5)
    density, coverage = neighbours.density_coverage(real, fake, 5)
    assert precision == pytest.approx(0.477, abs=0.03)
    assert recall == pytest.approx(0.471, abs=0.03)
    assert density == pytest.approx(1.056, abs=0.15)
    assert coverage == pytest.approx(0.974, abs=0.02)


def test_coverage_of_equal_distributions(random):
    """About 1 - 2^-k (Naeem et al., equation 9), whatever the distribution."""
    for k in (2, 5):
        real, fake = random.exponential(size=(2, 4000, 2))
        assert neighbours.density_coverage(real, fake, k)[1] == pytest.approx(1 - 2.0**-k, abs=0.02)


def test_nearest_is_brute_force(random):
    x, y = sets(random, 30, 40)
    expected = brute_force(x, y)
    found, indices = neighbours.nearest(x, y)
    np.testing.assert_array_equal(indices, expected.argmin(axis=1))
    np.testing.assert_allclose(found, expected.min(axis=1))
    own = brute_force(x, x)
    np.testing.assert_allclose(neighbours.radii(x, 4), np.sort(own, axis=1)[:, 4])
    with pytest.raises(UserError, match="at least 31 images, got 30"):
        neighbours.radii(x, 30)


def test_large_sets_go_in_blocks(random, monkeypatch):
    """The same numbers in many blocks: the matrix of all distances is never whole."""
    x, y = sets(random, 900, 700)
    whole = neighbours.density_coverage(x, y), neighbours.precision_recall(x, y)
    assert len(list(neighbours._chunks(x, y))) == 1
    monkeypatch.setattr(neighbours, "BLOCK_MB", 0.1)
    assert len(list(neighbours._chunks(x, y))) > 20
    assert (neighbours.density_coverage(x, y), neighbours.precision_recall(x, y)) == whole


def test_two_sample_accuracy_is_brute_force(random):
    real, fake = sets(random, 50, 50, 2)
    both = np.concatenate([real, fake])
    labels = np.repeat([1, 0], 50)
    table = brute_force(both, both)
    np.fill_diagonal(table, np.inf)
    right = labels[table.argmin(axis=1)] == labels
    found = neighbours.two_sample_accuracy(real, fake)
    assert found == pytest.approx((right.mean(), right[:50].mean(), right[50:].mean()))


def test_two_sample_accuracy_at_its_ends(random):
    x, _ = sets(random, 400, 1, 2)
    assert neighbours.two_sample_accuracy(x, x + 100.0)[0] == 1.0
    assert neighbours.two_sample_accuracy(x, x)[0] == 0.0  # copies of these very images
    one, other = random.normal(size=(2, 2000, 2))
    assert neighbours.two_sample_accuracy(one, other)[0] == pytest.approx(0.5, abs=0.04)


def test_memorisation_tells_copies_from_fresh_images(random):
    train, held_out, fresh = random.normal(size=(3, 500, 8))
    ratio, copies = neighbours.memorisation(fresh, train, held_out)
    assert ratio == pytest.approx(1.0, abs=0.1)
    assert copies < 0.04
    ratio, copies = neighbours.memorisation(train[:300], train, held_out)
    assert ratio == pytest.approx(0.0, abs=1e-6)
    assert copies == 1.0
