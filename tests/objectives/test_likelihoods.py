"""Likelihoods are probabilities: they sum to one; means and draws are those of brute force."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.errors import UserError
from tfgen.objectives import likelihoods

CASES = [
    ("bernoulli", 2),
    ("categorical", 3),
    ("categorical", 17),
    ("logistic", 17),
    ("logistic", 256),
    ("fixed_logistic", 17),
    ("gaussian", 17),
    ("gaussian", 256),
    ("mixture", 17),
    ("mixture", 256),
]


def parameters_of(p, seed=0, pixels=6, channels=2, scale=2.0):
    """[1, pixels, 1, N]"""
    random = np.random.default_rng(seed)
    outputs = p.outputs(channels) + p.shared
    return random.normal(0, scale, (1, pixels, 1, outputs)).astype(np.float32)


def probabilities(p, parameters, levels, channels=2):
    """Brute force over levels: [pixels, channels, L], by images that are one level everywhere.

    log_prob sums over pixels; the difference of two images that differ in one pixel gives its
    terms up to a constant, so each pixel is measured alone instead.
    """
    pixels = parameters.shape[1]
    n = p.parameters
    table = np.zeros((pixels, channels, levels))
    for i in range(pixels):
        for c in range(channels):
            one = pick(p, parameters[:, i : i + 1], c, channels, n)
            batch = np.repeat(one, levels, axis=0)
            x = np.arange(levels).reshape(levels, 1, 1, 1)
            table[i, c] = np.exp(p.log_prob(tf.constant(x, tf.int32), tf.constant(batch)).numpy())
    return table


def pick(p, parameters, channel, channels, n):
    """The parameters of one channel."""
    return parameters[..., channel * n : (channel + 1) * n]


@pytest.mark.parametrize(("name", "levels"), CASES)
def test_probabilities_sum_to_one_and_give_the_mean(name, levels):
    p = likelihoods.choose(name, levels)
    parameters = parameters_of(p)
    table = probabilities(p, parameters, levels)
    np.testing.assert_allclose(table.sum(-1), 1, atol=2e-5)
    mean = (table * np.arange(levels) / (levels - 1)).sum(-1)
    got = p.mean(tf.constant(parameters)).numpy()[0, :, 0]
    # The closed forms of logistic and Gaussian integrate over levels where brute force sums: a
    # midpoint rule apart.
    np.testing.assert_allclose(
        got, mean, atol=1e-5 if name in ("bernoulli", "categorical") else 2e-3
    )


@pytest.mark.parametrize(("name", "levels"), CASES)
def test_draws_are_of_the_distribution(name, levels):
    p = likelihoods.choose(name, levels)
    parameters = parameters_of(p, seed=1)
    table = probabilities(p, parameters, levels)
    n = 4001
    u = (np.arange(n, dtype=np.float32) + 0.5) / n
    grid = np.broadcast_to(u[:, None, None, None], (n, 6, 1, 2))
    drawn = p.draw(tf.constant(np.repeat(parameters, n, axis=0)), tf.constant(grid)).numpy()
    level = np.rint(drawn[:, :, 0] * (levels - 1)).astype(int)
    assert np.allclose(level / (levels - 1), drawn[:, :, 0])
    for i in range(6):
        for c in range(2):
            share = np.bincount(level[:, i, c], minlength=levels) / n
            # Each part of a mixture has its own stretch of uniforms, and ends of its own.
            ends = p.components if name == "mixture" else 1
            np.testing.assert_allclose(share, table[i, c], atol=1.5 * ends / n)


@pytest.mark.parametrize("way", ["mean", "draw"])
def test_a_mixture_makes_nothing_of_the_size_of_levels_by_parts(way):
    """Of no tensor that a mean or a draw computes: a batch of 64x64x3 took 16 GB."""
    p = likelihoods.choose("mixture", 256)

    @tf.function
    def run(parameters, u):
        return p.mean(parameters) if way == "mean" else p.draw(parameters, u)

    graph = run.get_concrete_function(
        tf.TensorSpec([1, 64, 64, 3 * p.parameters]), tf.TensorSpec([1, 64, 64, 3])
    ).graph
    sizes = [
        out.shape.num_elements() or 0
        for op in graph.get_operations()
        for out in op.outputs
        if out.shape.rank is not None
    ]
    assert max(sizes) <= 64 * 64 * 3 * p.parameters


@pytest.mark.parametrize(
    ("name", "levels"), [*CASES, ("coupled_mixture", 256), ("shared_gaussian", 256)]
)
def test_far_parameters_stay_finite_with_finite_gradients(name, levels):
    p = likelihoods.choose(name, levels)
    for scale in (30.0, 300.0):
        parameters = tf.constant(parameters_of(p, scale=scale))
        for x in (0, levels // 2, levels - 1):
            with tf.GradientTape() as tape:
                tape.watch(parameters)
                log_p = p.log_prob(tf.fill([1, 6, 1, 2], x), parameters)
            assert np.isfinite(log_p.numpy()).all(), (scale, x)
            assert np.isfinite(tape.gradient(log_p, parameters).numpy()).all(), (scale, x)
        image = p.mean(parameters).numpy()
        assert image.min() >= 0
        assert image.max() <= 1


def test_widths_are_bounded_and_nowhere_flat():
    at = np.float32([-1e4, -50, -7, -6.5, -5.9, -1.5, 0, 3.9, 4.5, 50, 1e4])
    log_s, step = tf.constant(at), 1e-2
    with tf.GradientTape() as tape:
        tape.watch(log_s)
        found = likelihoods.bounded(log_s)
    slopes = tape.gradient(found, log_s).numpy()
    found = found.numpy()
    assert (np.diff(found) > 0).all()
    assert found.min() >= -7
    assert found.max() <= 5
    np.testing.assert_array_equal(found[4:8], at[4:8])
    assert (slopes > 0).all()
    low, high = (likelihoods.bounded(tf.constant(at + d)).numpy() for d in (-step, step))
    np.testing.assert_allclose(slopes, (high - low) / (2 * step), rtol=0.01, atol=1e-4)


@pytest.mark.parametrize("name", ["logistic", "gaussian", "mixture"])
def test_a_width_far_off_is_pulled_back(name):
    """Much too narrow about a wrong place wants to be wider, much too wide to be narrower."""
    p = likelihoods.choose(name, 256)
    widths = slice(-(p.parameters // 3), None) if name == "mixture" else slice(1, None)
    for log_s, wanted in ((-30.0, 1), (30.0, -1)):
        parameters = np.zeros((1, 1, 1, p.parameters), np.float32)
        parameters[..., widths] = log_s
        parameters = tf.constant(parameters)
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            log_p = p.log_prob(tf.constant([[[[40]]]]), parameters)
        slopes = tape.gradient(log_p, parameters).numpy()[0, 0, 0, widths]
        assert (slopes * wanted).max() > 0
        assert (slopes * wanted).min() >= 0


def test_the_discretised_logistic_is_a_difference_of_sigmoids():
    p = likelihoods.DiscretizedLogistic(256)
    m, log_s = 0.1, -1.5  # in the middle of the range, where no tail is cut
    parameters = np.array([m, log_s], np.float32).reshape(1, 1, 1, 2)
    centre, s = (m + 0.5) * 255, np.exp(log_s) * 255 / 8

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for k in (1, 100, 152, 153, 154, 254):
        exact = sigmoid((k + 0.5 - centre) / s) - sigmoid((k - 0.5 - centre) / s)
        got = p.log_prob(tf.constant([[[[k]]]]), tf.constant(parameters)).numpy()[0]
        assert got == pytest.approx(np.log(exact), rel=1e-4)


def test_a_width_for_all_pixels_is_the_gaussian_of_equal_widths():
    shared, each = likelihoods.choose("shared_gaussian", 17), likelihoods.choose("gaussian", 17)
    parameters = parameters_of(shared)
    parameters[..., -1] = -0.7
    m = parameters[..., :2]
    apart = tf.reshape(tf.stack([m, tf.fill(m.shape, -0.7)], axis=-1), [1, 6, 1, 4])
    x = tf.constant(np.random.default_rng(1).integers(0, 17, (1, 6, 1, 2)), tf.int32)
    u = tf.constant(np.random.default_rng(2).random((1, 6, 1, 2)), tf.float32)
    for got, expected in (
        (shared.pixel_log_prob(x, parameters), each.pixel_log_prob(x, apart)),
        (shared.mean(parameters), each.mean(apart)),
        (shared.draw(parameters, u), each.draw(apart, u)),
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_auto_fits_the_levels():
    chosen = [type(likelihoods.choose("auto", levels)).__name__ for levels in (2, 17, 256)]
    assert chosen == ["Bernoulli", "Categorical", "DiscretizedLogistic"]


def test_a_likelihood_that_cannot_hold_the_data_is_refused():
    with pytest.raises(UserError, match=r"2 levels.* 17"):
        likelihoods.choose("bernoulli", 17)
    with pytest.raises(UserError, match=r"categoricl.*Did you mean 'categorical'"):
        likelihoods.choose("categoricl", 17)


def test_softplus():
    x = np.array([-200, -30, -1, 0, 1, 30, 200], np.float32)
    exact = np.logaddexp(0, x.astype(float))
    np.testing.assert_allclose(likelihoods.softplus(tf.constant(x)), exact, rtol=1e-6, atol=1e-7)


def test_the_discretised_gaussian_is_a_difference_of_distribution_functions():
    """Against SciPy in double precision: near and far from the mean, narrow bins and wide."""
    from scipy.stats import norm

    p = likelihoods.DiscretizedGaussian(256)
    for log_s in (-5.0, -3.0, -1.0, 0.0, 2.0, 4.0):
        for m in (-0.4, 0.0, 0.17):
            parameters = np.array([m, log_s], np.float32).reshape(1, 1, 1, 2)
            centre, s = (m + 0.5) * 255, np.exp(log_s) * 255 / 8
            k = np.array([0, 1, 60, 127, 128, 171, 200, 254, 255])
            low, high = (k - 0.5 - centre) / s, (k + 0.5 - centre) / s
            low[0], high[-1] = -np.inf, np.inf
            # From the side of the smaller tail.
            flip = low > 0
            a, b = np.where(flip, -high, low), np.where(flip, -low, high)
            exact = norm.logcdf(b) + np.log1p(-np.exp(norm.logcdf(a) - norm.logcdf(b)))
            x = tf.constant(k.reshape(-1, 1, 1, 1), tf.int32)
            got = p.log_prob(x, tf.constant(np.repeat(parameters, len(k), axis=0))).numpy()
            np.testing.assert_allclose(got, exact, rtol=2e-4, atol=2e-4, err_msg=f"{log_s} {m}")


def test_the_normal_distribution_and_its_inverse():
    from scipy.stats import norm

    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    np.testing.assert_allclose(likelihoods.normal_cdf(x), norm.cdf(x), atol=3e-7)
    below = np.linspace(-40, 0, 4001, dtype=np.float32)
    np.testing.assert_allclose(likelihoods.log_normal_cdf(below), norm.logcdf(below), rtol=2e-5)
    u = ((np.arange(2**16) << 7) + 0.5).astype(np.float32) * np.float32(2**-23)
    u = np.concatenate([u, np.float32([0.5 * 2**-23, 1 - 2**-23])])
    np.testing.assert_allclose(
        likelihoods.normal_quantile(u), norm.ppf(u.astype(np.float64)), rtol=3e-6, atol=1e-6
    )
