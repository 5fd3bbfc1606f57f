"""Trivial generators keep just what they say they keep of the data."""

import itertools

import numpy as np
import pytest

from tfgen import data
from tfgen.metrics import baselines


@pytest.fixture(scope="module")
def splits(digits):
    return {split: data.arrays(digits.load(split)) for split in ("train", "test")}


@pytest.fixture(scope="module")
def fitted(splits):
    train = splits["train"]
    return baselines.fit_all(train["image"], 17, train["label"])


@pytest.mark.slow
def test_floors_of_digits_are_those_measured_elsewhere(fitted, splits):
    """106.31 and 99.91 nats on the file-order split, by an implementation of its own."""
    for name, nats in (("independent pixels", 106.31), ("class pixels", 99.91)):
        found = -fitted[name].log_prob(splits["test"]["image"]).mean()
        assert found == pytest.approx(nats, abs=0.01)


def test_bernoulli_mixture_of_binarised_digits(splits):
    """19.28 nats for 20 components after expectation maximisation, by another implementation."""
    train, test = ((splits[s]["image"] >= 8).astype(np.uint8) for s in ("train", "test"))
    mixture = baselines.BernoulliMixture(train)
    assert -mixture.log_prob(test).mean() == pytest.approx(19.28, abs=0.35)


def tiny(levels, seed=0, n=40):
    random = np.random.default_rng(seed)
    return random.integers(levels, size=(n, 1, 2, 1), dtype=np.uint8), random.integers(3, size=n)


@pytest.mark.parametrize("name", ["independent pixels", "class pixels", "mixture"])
def test_a_baseline_with_a_density_sums_to_one(name):
    levels = 2 if name == "mixture" else 3
    images, labels = tiny(levels)
    baseline = baselines.fit_all(images, levels, labels)[name]
    grid = np.array(list(itertools.product(range(levels), repeat=2))).reshape(-1, 1, 2, 1)
    p = np.exp(baseline.log_prob(grid))
    assert p.sum() == pytest.approx(1.0)
    # And samples follow it: a chi-square of about the degrees of freedom.
    samples = baseline.sample(20_000, np.random.default_rng(1)).reshape(-1, 2)
    counts = np.bincount(samples @ [levels, 1], minlength=levels**2)
    chi2 = np.sum((counts - 20_000 * p) ** 2 / (20_000 * p))
    assert chi2 < levels**2 + 5 * np.sqrt(2 * levels**2)


def test_every_baseline_gives_levels(fitted, splits):
    for name, baseline in fitted.items():
        samples = baseline.sample(123, np.random.default_rng(0))
        assert samples.shape == (123, 8, 8, 1), name
        assert samples.min() >= 0, name
        assert samples.max() <= 16, name
        assert np.array_equal(samples, np.round(samples)), name


def test_the_memoriser_repeats_each_image_as_late_as_it_can(splits):
    images = splits["train"]["image"][:50]
    samples = baselines.Memoriser(images).sample(120, np.random.default_rng(0))
    _, counts = np.unique(samples.reshape(120, -1), axis=0, return_counts=True)
    assert sorted(set(counts)) == [2, 3]


def test_the_gaussian_has_mean_and_covariance():
    """Of data far from the ends of the levels, where rounding and clipping do little."""
    random = np.random.default_rng(0)
    mixing = 12 * random.normal(size=(4, 4))
    images = np.round(128 + random.normal(size=(1000, 4)) @ mixing).astype(np.uint8)
    baseline = baselines.Gaussian(images.reshape(-1, 2, 2, 1), 256)
    samples = baseline.sample(20_000, random).reshape(-1, 4)
    truth = np.cov(images.T.astype(float))
    np.testing.assert_allclose(samples.mean(axis=0), images.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(np.cov(samples.T), truth, atol=0.05 * truth.max())


def test_the_mixture_finds_clusters():
    random = np.random.default_rng(0)
    centres = np.array([[40, 40], [200, 60], [90, 220]])
    images = np.round(centres[random.integers(3, size=900)] + random.normal(size=(900, 2)) * 3)
    images = images.astype(np.uint8).reshape(-1, 1, 2, 1)
    samples = baselines.GaussianMixture(images, 256, components=3).sample(600, random)
    distances = np.linalg.norm(samples.reshape(-1, 1, 2) - centres, axis=-1)
    assert (distances.min(axis=1) < 15).mean() > 0.99
    assert np.bincount(distances.argmin(axis=1)).min() > 120


def test_without_labels_there_is_none_by_class():
    images, labels = tiny(3)
    assert "class pixels" not in baselines.fit_all(images, 3)
    assert "class pixels" in baselines.fit_all(images, 3, labels)
