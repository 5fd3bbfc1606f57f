"""Closed forms of diffusion, against numbers that are found in another way."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax
from scipy.stats import norm

from tfgen.compiling import compiled
from tfgen.objectives import samplers
from tfgen.objectives.diffusion import Schedule

SCHEDULES = [
    pytest.param(Schedule.named(name, steps), id=f"{name} {steps}")
    for name, steps in (("cosine", 1000), ("linear", 1000), ("cosine", 10))
]


@pytest.fixture(params=SCHEDULES)
def q(request):
    return request.param


def betas(q):
    return 1.0 - q.abar[1:] / q.abar[:-1]


def test_betas_are_those_of_the_papers():
    np.testing.assert_allclose(
        betas(Schedule.named("linear", 1000)), np.linspace(1e-4, 0.02, 1000), rtol=1e-9
    )
    q = Schedule.named("cosine", 1000)
    angle = (0.3 + 0.008) / 1.008 * np.pi / 2
    start = 0.008 / 1.008 * np.pi / 2
    np.testing.assert_allclose(q.abar[300], np.cos(angle) ** 2 / np.cos(start) ** 2, rtol=1e-9)
    assert betas(q).max() <= 0.999


def test_the_marginal_is_that_of_the_steps_one_after_another(q):
    """x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) e: mean and variance by recursion."""
    signal, variance = 1.0, 0.0
    for t, beta in enumerate(betas(q), start=1):
        signal, variance = np.sqrt(1 - beta) * signal, (1 - beta) * variance + beta
        np.testing.assert_allclose(signal, np.sqrt(q.abar[t]), rtol=1e-8)
        np.testing.assert_allclose(variance, 1 - q.abar[t], rtol=1e-8)


@pytest.mark.parametrize("step", [1, 3])
def test_the_posterior_is_that_of_the_joint_normal(q, step):
    """x_s given x_t, for x_0 known: by the covariance of the two."""
    t = np.arange(step, q.steps + 1, 3)
    s = t - step
    mixing = q.posterior(t, s)
    alpha = q.abar[t] / q.abar[s]
    var_s, var_t, both = 1 - q.abar[s], 1 - q.abar[t], np.sqrt(alpha) * (1 - q.abar[s])
    x_0, x_t = 0.7, -1.3
    mean = np.sqrt(q.abar[s]) * x_0 + both / var_t * (x_t - np.sqrt(q.abar[t]) * x_0)
    np.testing.assert_allclose(mixing.of_x0 * x_0 + mixing.of_xt * x_t, mean, rtol=1e-7)
    np.testing.assert_allclose(mixing.sigma**2, var_s - both**2 / var_t, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("step", [1, 7])
def test_ddim_with_all_noise_is_the_ancestral_sampler(q, step):
    t = np.arange(step, q.steps + 1)
    for ours, theirs in zip(q.ddim(t, t - step, 1.0), q.posterior(t, t - step), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_steps_without_noise_keep_the_marginals():
    """Of x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e a step makes x_s with the same e."""
    q = Schedule.named("cosine", 100)
    t, s, x_0, e = 70, 20, 0.4, -0.8
    mixing = q.ddim(np.array(t), np.array(s), 0.0)
    at = [np.sqrt(q.abar[i]) * x_0 + np.sqrt(1 - q.abar[i]) * e for i in (t, s)]
    np.testing.assert_allclose(mixing.of_x0 * x_0 + mixing.of_xt * at[0], at[1], rtol=1e-9)
    assert mixing.sigma == 0


def normal_kl(m1, v1, m2, v2):
    return 0.5 * (v1 / v2 + (m1 - m2) ** 2 / v2 - 1 + np.log(v2 / v1))


@pytest.mark.parametrize("v", [0.0, 0.3, 1.0])
def test_terms_of_the_bound_are_divergences_of_normals(q, v):
    x_0, guess = 0.7, -0.2
    prior = q.prior_term(tf.fill([1, 1, 1, 1], x_0))
    want = normal_kl(np.sqrt(q.abar[-1]) * x_0, 1 - q.abar[-1], 0, 1)
    np.testing.assert_allclose(prior, [want], rtol=1e-4, atol=1e-9)
    t = np.arange(2, q.steps + 1)
    a, _, sigma = q.posterior(t, t - 1)
    variance = np.exp(v * np.log(betas(q)[1:]) + (1 - v) * np.log(sigma**2))
    want = normal_kl(a * x_0, sigma**2, a * guess, variance)
    images = [tf.fill([len(t), 1, 1, 1], value) for value in (x_0, guess)]
    got = q.term(*images, tf.constant(t, tf.int32), v, 17)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_the_last_term_is_a_normal_over_each_level():
    q, levels = Schedule.named("linear", 10), 5  # wide enough to reach several levels
    sigma = np.sqrt(1 - q.abar[1])
    edges = np.array([-np.inf, -0.75, -0.25, 0.25, 0.75, np.inf])
    x = np.linspace(-1, 1, levels, dtype=np.float32).reshape(-1, 1, 1, 1)
    for guess in (-0.9, -0.6):
        got = q.last_term(tf.constant(x), tf.fill(x.shape, guess), levels)
        p = norm.sf(edges[:-1], guess, sigma) - norm.sf(edges[1:], guess, sigma)
        np.testing.assert_allclose(got, -np.log(p), rtol=2e-5)


def test_times_are_drawn_where_terms_are():
    """Of independent levels the best guess is known: the variance falls to less than a half."""
    q, levels = Schedule.named("cosine", 1000), 17
    random, t = np.random.default_rng(0), np.arange(2, 1001)
    a, s = np.sqrt(q.abar[t]), np.sqrt(1 - q.abar[t])
    all_levels = np.linspace(-1, 1, levels)[:, None, None]
    x_0 = random.choice(all_levels.ravel(), (400, len(t)))
    x_t = a * x_0 + s * random.normal(size=x_0.shape)
    guess = np.sum(softmax(-0.5 * (x_t - a * all_levels) ** 2 / s**2, axis=0) * all_levels, axis=0)
    terms = q.weights()[1:] * (x_0 - guess) ** 2
    shares = q.shares(levels)
    np.testing.assert_allclose(shares.sum(), 1.0)

    def spread(p):
        return np.sum(np.mean(terms**2, axis=0) / p) - np.sum(terms.mean(axis=0)) ** 2

    for others in (q.falls() / q.falls().sum(), np.full(1000, 1e-3)):
        assert spread(shares[1:]) < 0.5 * spread(others[1:])


def test_the_bound_of_normal_data_is_their_entropy():
    """Of x_0 ~ N(0, u) the best step back is normal: with its moments the bound is tight."""
    q, u, levels = Schedule.named("cosine", 1000), 0.04, 65536
    t = np.arange(1, q.steps + 1)
    left = u * (1 - q.abar[1:]) / (q.abar[1:] * u + 1 - q.abar[1:])  # variance of x_0 given x_t
    of_x0, _, sigma = q.posterior(t[1:], t[1:] - 1)
    v = np.concatenate([[0], np.log1p(of_x0**2 * left[1:] / sigma**2) / q.widest()[1:]])

    def images(values):
        return tf.constant(np.reshape(values, [-1, 1, 1, 1]), tf.float32)

    # Quadratic in the guess's error: at its standard deviation they are expectations.
    terms = q.term(images(np.sqrt(left)), images(0 * left), tf.constant(t), images(v), levels)
    ticks, weights = np.polynomial.hermite_e.hermegauss(20)
    last = q.last_term(images(0 * ticks), images(np.sqrt(left[0]) * ticks), levels)
    bound = float(q.prior_term(images([np.sqrt(u)]))[0]) + np.sum(np.asarray(terms, float)[1:])
    bound += np.sum(last * weights) / weights.sum()
    entropy = 0.5 * np.log(2 * np.pi * np.e * u) - np.log(2 / (levels - 1))
    np.testing.assert_allclose(bound, entropy, atol=2e-3)


def test_a_sampler_that_knows_the_answer_ends_there():
    q = Schedule.named("cosine", 1000)
    x_0 = tf.constant(np.linspace(-1, 1, 6).reshape(2, 3, 1, 1), tf.float32)
    times = q.subsequence(7)
    assert times[0] == 1000
    assert times[-1] == 0
    seen = []

    def denoise(x, t):
        seen.append(int(t[0]))
        return x_0

    mixing = q.ddim(times[:-1], times[1:], 0.0)
    step = samplers.mixed(denoise, times[:-1], mixing)
    found = samplers.loop(step, 7, tf.ones_like(x_0))
    np.testing.assert_allclose(found, x_0, atol=1e-6)
    assert seen == list(times[:-1])


def test_the_ancestral_sampler_draws_from_the_data():
    """For normal data, whose best guess is known: mean and variance after 1,000 steps."""
    q, mean, v = Schedule.named("cosine", 1000), 0.3, 0.04
    abar = tf.constant(q.abar, tf.float32)

    def denoise(x, t):
        a = tf.reshape(tf.gather(abar, t), [-1, 1, 1, 1])
        gain = tf.sqrt(a) * v / (a * v + 1 - a)
        return mean + gain * (x - tf.sqrt(a) * mean)

    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(1500, 1, 1, 1)), tf.float32)
    noise = tf.constant(random.normal(size=(1500, 1000, 1, 1, 1)), tf.float32)
    times = q.subsequence(1000)
    mixing = q.ddim(times[:-1], times[1:], 1.0)
    step, draw = samplers.mixed(denoise, times[:-1], mixing), samplers.of_each(noise)
    found = compiled(lambda: samplers.loop(step, 1000, x, draw))().numpy()
    np.testing.assert_allclose(found.mean(), mean, atol=4 * np.sqrt(v / 1500))
    np.testing.assert_allclose(found.var(), v, rtol=0.15)
