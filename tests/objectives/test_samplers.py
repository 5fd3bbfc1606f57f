"""Samplers of dx / dsigma = (x - D(x; sigma)) / sigma, for normal data, whose solution is known.

For x_0 ~ N(0, u) it is D = u x / (u + sigma^2), and x(sigma) goes as sqrt(u + sigma^2).
"""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.objectives import samplers

U = 0.25


def denoise(x, sigma):
    square = tf.reshape(tf.square(sigma), [-1, 1, 1, 1])
    return U * x / (U + square)


def sigmas(steps, least=0.5, most=4.0, rho=3):
    return np.linspace(most ** (1 / rho), least ** (1 / rho), steps + 1) ** rho


def error(way, steps):
    x = tf.constant([[[[1.0]]], [[[-2.0]]]])
    found = samplers.along(denoise, x, way(sigmas(steps), np.zeros(steps)))
    exact = x * np.sqrt((U + 0.5**2) / (U + 4.0**2))
    return float(np.abs(found - exact).max())


@pytest.mark.parametrize(("way", "order"), [(samplers.euler, 1), (samplers.heun, 2)])
def test_the_order_of_convergence(way, order):
    coarse, fine = error(way, 16), error(way, 32)
    assert order - 0.15 < np.log2(coarse / fine) < order + 0.25


def test_the_last_step_of_heun_ends_at_the_guess():
    """At sigma = 0 there is no slope: the step is Euler's, which ends at D."""
    way = samplers.heun(np.array([2.0, 1.0, 0.0]), np.zeros(2))
    assert list(way.sigma) == [2.0, 1.0, 1.0]
    x_0 = tf.constant(np.linspace(-1, 1, 4).reshape(2, 2, 1, 1), tf.float32)
    np.testing.assert_allclose(samplers.along(lambda x, s: x_0, 2 * x_0 + 1, way), x_0, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_with_churn_or_without_samples_have_the_variance_of_the_data(gamma):
    random, steps, rows = np.random.default_rng(0), 60, 4000
    way = samplers.heun(np.append(sigmas(steps - 1, 0.01), 0.0), np.full(steps, gamma))
    x = tf.constant(np.sqrt(U + 16) * random.normal(size=(rows, 1, 1, 1)), tf.float32)
    noise = tf.constant(random.normal(size=(rows, steps, 1, 1, 1)), tf.float32)
    found = compiled(lambda: samplers.along(denoise, x, way, samplers.of_each(noise)))().numpy()
    np.testing.assert_allclose(found.var(), U, rtol=0.08)


def test_langevin_ends_at_the_last_noisy_density():
    random, steps, rows = np.random.default_rng(0), 200, 4000
    levels = np.repeat([2.0, 0.5, 0.3], steps)

    def score(x, sigma):
        return -x / (U + tf.reshape(tf.square(sigma), [-1, 1, 1, 1]))

    noise = tf.constant(random.normal(size=(rows, len(levels), 1, 1, 1)), tf.float32)
    start = tf.fill([rows, 1, 1, 1], 3.0)
    alpha = 0.1 * levels**2
    step = samplers.langevin(score, levels, alpha)
    draw = samplers.of_each(noise)
    run = compiled(lambda: samplers.loop(step, len(levels), start, draw))
    # A step of x += a / 2 s + sqrt(a) z leaves a variance that is wider by 1 / (1 - a / 4v).
    v = U + 0.3**2
    found = run().numpy()
    np.testing.assert_allclose(found.var(), v / (1 - alpha[-1] / (4 * v)), rtol=0.1)
