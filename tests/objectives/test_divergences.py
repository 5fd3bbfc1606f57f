"""Divergences against closed forms, quadrature and brute force."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

from tfgen.objectives import bounds, divergences


def test_kl_of_a_unit_shift_is_a_half_a_latent():
    kl = divergences.kl_to_standard_normal(tf.ones([3, 2]), tf.zeros([3, 2]))
    assert kl.numpy().tolist() == [1.0, 1.0, 1.0]


def test_kl_is_zero_at_the_prior_and_equals_the_integral():
    assert float(divergences.kl_to_standard_normal(tf.zeros([1, 4]), tf.zeros([1, 4]))[0]) == 0
    mu, logvar = 0.7, -0.9
    q = stats.norm(mu, math.exp(logvar / 2))
    brute, _ = integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), -12, 12)
    got = divergences.kl_to_standard_normal(tf.constant([[mu]]), tf.constant([[logvar]]))
    assert float(got[0]) == pytest.approx(brute, rel=1e-5)


def test_the_kl_of_units_sums_to_the_whole():
    mu, logvar = (np.random.default_rng(i).normal(size=(5, 3)).astype(np.float32) for i in (0, 1))
    units = divergences.unit_kl_to_standard_normal(mu, logvar).numpy()
    assert units.shape == (5, 3)
    np.testing.assert_allclose(
        units.sum(1), divergences.kl_to_standard_normal(mu, logvar), rtol=1e-6
    )


def test_quadrature_gives_the_kl_of_units_in_closed_form():
    mu, logvar = (np.random.default_rng(i).normal(size=(5, 3)).astype(np.float32) for i in (0, 1))
    shares = tf.math.log([0.3, 0.7])
    # Of two components that are one, the standard normal.
    zeros = tf.zeros([2, 3])
    found = divergences.unit_kl_by_quadrature(
        mu, logvar, lambda z: divergences.unit_mixture_log_prob(z, shares, zeros, zeros)
    )
    expected = divergences.unit_kl_to_standard_normal(mu, logvar)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_balanced_draws_integrate_quadratics_exactly():
    eps = bounds.balanced(tf.constant(np.random.default_rng(0).normal(size=(50, 3)), tf.float32))
    assert eps.shape == (100, 3)
    np.testing.assert_allclose(np.mean(eps, axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.cov(np.transpose(eps), bias=True), np.eye(3), atol=1e-5)


def test_normal_log_prob_is_scipys():
    z, mu, logvar = (
        np.random.default_rng(i).normal(size=(5, 3)).astype(np.float32) for i in range(3)
    )
    expected = stats.norm.logpdf(z, mu, np.exp(logvar / 2)).sum(-1)
    np.testing.assert_allclose(divergences.normal_log_prob(z, mu, logvar), expected, rtol=1e-5)


def kernel(a, b, latent_dim):
    """One pair of points, by the formula."""
    d = np.sum((a - b) ** 2)
    scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    return sum(2 * latent_dim * s / (2 * latent_dim * s + d) for s in scales)


def test_mmd_is_the_unbiased_estimate_by_brute_force():
    random = np.random.default_rng(0)
    z, p = random.normal(size=(2, 6, 3))
    n = len(z)
    off = [(i, j) for i in range(n) for j in range(n) if i != j]
    expected = (
        sum(kernel(z[i], z[j], 3) + kernel(p[i], p[j], 3) for i, j in off) / (n * (n - 1))
        - 2 * sum(kernel(a, b, 3) for a in z for b in p) / n**2
    )
    z, p = (tf.constant(a, tf.float32) for a in (z, p))
    each = divergences.mmd(z, p, z, p)
    assert float(tf.reduce_mean(each)) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    # By halves, as two replicas have it.
    halves = [divergences.mmd(z[i : i + 3], p[i : i + 3], z, p) for i in (0, 3)]
    np.testing.assert_allclose(tf.concat(halves, 0), each, atol=1e-5)


def test_mmd_is_zero_for_equal_densities_and_positive_for_others():
    random = np.random.default_rng(0)

    def estimates(shift, scale):
        for _ in range(30):
            z = tf.constant(shift + scale * random.normal(size=(200, 2)), tf.float32)
            p = tf.constant(random.normal(size=(200, 2)), tf.float32)
            yield float(tf.reduce_mean(divergences.mmd(z, p, z, p)))

    same = np.array(list(estimates(0.0, 1.0)))
    assert abs(same.mean()) < 4 * same.std() / math.sqrt(30)
    assert min(estimates(1.0, 1.0)) > 10 * same.std()
    assert min(estimates(0.0, 2.0)) > 10 * same.std()
