"""Each metric against a known answer: a closed form, brute force, or an independent package."""

import math

import numpy as np
import ot
import prdc
import pytest
import tensorflow as tf
from scipy import ndimage, stats
from sklearn.metrics.pairwise import polynomial_kernel

from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.metrics import (
    catalogue,
    classes,
    codes,
    distances,
    likelihood,
    modes,
    neighbours,
    reconstruction,
    sliced_wasserstein,
)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def sets(random, n=120, m=90, d=5):
    return random.normal(size=(n, d)), random.normal(0.5, 1.3, size=(m, d))


# --- distances -----------------------------------------------------------------------------------


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


# --- neighbours ----------------------------------------------------------------------------------


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


def brute_force(a, b):
    return np.array([[math.dist(x, y) for y in b] for x in a])


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


# --- sliced Wasserstein --------------------------------------------------------------------------


def test_the_pyramid_adds_up_and_separates_scales(random):
    x = random.random((3, 64, 64, 2))
    levels = sliced_wasserstein.pyramid(x)
    assert [level.shape[1] for level in levels] == [16, 32, 64]
    image = levels[0]
    for level in levels[1:]:
        image = sliced_wasserstein.enlarge(image) + level
    np.testing.assert_allclose(image, x, atol=1e-12)
    # A constant has no details; a chessboard of single pixels has nothing else.
    flat = sliced_wasserstein.pyramid(np.full((1, 32, 32, 1), 0.3))
    np.testing.assert_allclose(flat[0], 0.3)
    np.testing.assert_allclose(flat[1], 0.0, atol=1e-12)
    board = sliced_wasserstein.pyramid(np.indices((32, 32)).sum(axis=0)[None, ..., None] % 2)
    np.testing.assert_allclose(board[0], 0.5, atol=1e-12)


def test_the_sliced_distance_of_a_shift(random):
    """Rows moved by m are |m . d| apart along d: on average |m| E|d_1| over the sphere."""
    rows, m = random.normal(size=(500, 6)), np.array([3.0, 0, 4.0, 0, 0, 0])
    found = sliced_wasserstein.sliced(rows, rows + m, random, directions=4000)
    expected = 5.0 * math.gamma(3) / (math.sqrt(math.pi) * math.gamma(3.5))
    assert found == pytest.approx(expected, rel=0.03)
    assert sliced_wasserstein.sliced(rows, rows[::-1], random) == 0.0


def test_one_direction_is_the_wasserstein_distance(random):
    one, other = random.normal(size=(400, 1)), random.normal(1, 2, size=(400, 1))
    expected = stats.wasserstein_distance(one[:, 0], other[:, 0])
    assert sliced_wasserstein.sliced(one, other, random, 1) == pytest.approx(expected, rel=1e-9)


def test_the_level_that_is_wrong_is_the_one_that_is_named(random):
    real, other = ndimage.gaussian_filter(random.random((2, 200, 32, 32, 1)), (0, 0, 2, 2, 0))
    same = sliced_wasserstein.distances(real, other)
    noisy = sliced_wasserstein.distances(real, other + random.normal(0, 0.01, other.shape))
    assert set(same) == {16, 32}
    assert noisy[32] > 3 * same[32]
    assert noisy[16] < 2 * same[16]
    assert sliced_wasserstein.sides((28, 28, 1)) == sliced_wasserstein.sides((8, 8, 1)) == ()


# --- classes and modes ---------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_an_ideal_sampler_of_the_modes(name, random):
    mixture = MIXTURES[name]
    points = mixture.sample(200_000, random)
    covered, good, kl = modes.modes(points, mixture.means, mixture.sigma)
    assert covered == len(mixture.means)
    assert good == pytest.approx(1 - math.exp(-4.5), abs=1e-3)  # 98.89 %
    assert kl < 1e-3


def test_modes_of_a_collapsed_sampler():
    means = MIXTURES["ring"].means
    assert modes.modes(means[[3, 3, 3]], means, 0.01) == (1, 1.0, pytest.approx(math.log(8)))
    assert modes.modes(np.zeros((5, 2)), means, 0.01) == (0, 0.0, math.inf)
    half = np.concatenate([means[:2], np.zeros((2, 2))])
    assert modes.modes(half, means, 0.01) == (2, 0.5, pytest.approx(math.log(4)))


# --- reconstruction, likelihood, codes -----------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 16, 1), (20, 17, 3)])
def test_psnr_and_ssim_agree_with_tensorflow(random, shape):
    x = random.random((4, *shape)).astype(np.float32)
    y = np.clip(x + 0.2 * random.normal(size=x.shape), 0, 1).astype(np.float32)
    expected = float(tf.reduce_mean(tf.image.psnr(x, y, 1.0)))
    assert reconstruction.psnr(x, y) == pytest.approx(expected, rel=1e-5)
    expected = float(tf.reduce_mean(tf.image.ssim(x, y, 1.0)))
    assert reconstruction.ssim(x, y) == pytest.approx(expected, abs=1e-5)


def test_ssim_of_small_images_has_a_smaller_window(random):
    x, y = random.random((2, 3, 8, 8, 1)).astype(np.float32)
    expected = float(tf.reduce_mean(tf.image.ssim(x, y, 1.0, filter_size=7)))
    assert reconstruction.ssim(x, y) == pytest.approx(expected, abs=1e-5)
    assert reconstruction.ssim(x, x) == pytest.approx(1.0)


def test_mse_and_psnr_by_hand():
    x, y = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1)
    assert reconstruction.mse(x, y) == pytest.approx(0.01)
    assert reconstruction.psnr(x, y) == pytest.approx(20.0)
    assert reconstruction.psnr(x, x) == 100.0


def test_bits_per_dim_of_published_examples():
    """Uniform over 17 levels on 8x8 is 4.087 bits; 3.0 bits on CIFAR-10 are 6388 nats."""
    assert likelihood.bits_per_dim(64 * math.log(17), (8, 8, 1)) == pytest.approx(4.087, abs=1e-3)
    assert likelihood.bits_per_dim(6388, (32, 32, 3)) == pytest.approx(3.0, abs=1e-3)


def test_active_units_and_standard_error(random):
    means = random.normal(size=(5000, 3)) * np.array([1.0, 0.05, 0.2])
    np.testing.assert_array_equal(likelihood.active_units(means), [True, False, True])
    values = random.normal(3.0, 2.0, size=10_000)
    assert likelihood.standard_error(values) == pytest.approx(0.02, rel=0.05)


def test_probes_of_codes_that_know_and_codes_that_do_not(random):
    labels = random.integers(3, size=300)
    knows = np.eye(3)[labels] + 0.01 * random.normal(size=(300, 3))
    not_at_all = random.normal(size=(300, 3))
    for probe in (codes.linear_probe, codes.knn_accuracy):
        assert probe(knows[:200], labels[:200], knows[200:], labels[200:]) == 1.0
        found = probe(not_at_all[:200], labels[:200], not_at_all[200:], labels[200:])
        assert found == pytest.approx(1 / 3, abs=0.15)


def test_knn_is_brute_force(random):
    train, test = random.normal(size=(60, 2)), random.normal(size=(40, 2))
    labels, truth = (train[:, 0] > 0).astype(int), (test[:, 0] > 0).astype(int)
    votes = [np.bincount(labels[np.argsort(row)[:5]]).argmax() for row in brute_force(test, train)]
    assert codes.knn_accuracy(train, labels, test, truth) == np.mean(np.array(votes) == truth)


def test_every_metric_has_a_title_and_a_meaning():
    for key, metric in catalogue.METRICS.items():
        assert metric.key == key
        assert metric.title
        assert len(metric.meaning) > 10
        assert metric.better in ("lower", "higher", "")
