"""The colour mixture against brute force over every colour, and against the paper's formula."""

import itertools

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfgen.objectives import levels, likelihoods

LEVELS, CHANNELS = 5, 3
COLOURS = np.array(list(itertools.product(range(LEVELS), repeat=CHANNELS)), np.int32)


def pixels(seed=0, count=4, scale=1.5):
    """The likelihood, and parameters of some pixels: [count, 1, 1, N]."""
    p = likelihoods.choose("coupled_mixture", LEVELS)
    random = np.random.default_rng(seed)
    return p, random.normal(0, scale, (count, 1, 1, p.outputs(CHANNELS))).astype(np.float32)


def table(p, parameters):
    """log p(x_c | x_<c) of each colour of a pixel: [L ** C, C]."""
    every = np.repeat(parameters.reshape(1, 1, 1, -1), len(COLOURS), axis=0)
    return p.pixel_log_prob(COLOURS.reshape(-1, 1, 1, CHANNELS), every).numpy()[:, 0, 0]


def test_a_pixel_of_three_channels_has_ten_numbers_a_component():
    """PixelCNN++: 1 weight, 3 places, 3 widths, 3 coefficients."""
    p = likelihoods.choose("coupled_mixture", 256)
    assert [p.outputs(c) for c in (1, 2, 3, 4)] == [15, 30, 50, 75]


def test_probabilities_are_those_of_equation_3():
    """Written out for one pixel in double precision."""
    p, parameters = pixels()
    top, j = LEVELS - 1.0, 5
    for one in parameters:
        v = one.reshape(10, j).astype(float)
        w = np.exp(scipy.special.log_softmax(v[0]))
        m = (v[1:4] + (np.arange(j) + 0.5) / j) * top
        s = np.exp(v[4:7]) * top / (2 * j)
        alpha, beta, gamma = np.tanh(v[7:])
        expected = np.zeros(len(COLOURS))
        for i, (r, g, b) in enumerate(COLOURS):
            red, green = r - top / 2, g - top / 2
            places = m[0], m[1] + alpha * red, m[2] + beta * red + gamma * green
            each = w.copy()
            for x, place, width in zip((r, g, b), places, s, strict=True):
                high = 1.0 if x == top else scipy.special.expit((x + 0.5 - place) / width)
                low = 0.0 if x == 0 else scipy.special.expit((x - 0.5 - place) / width)
                each *= high - low
            expected[i] = each.sum()
        assert expected.sum() == pytest.approx(1, abs=1e-9)
        np.testing.assert_allclose(np.exp(table(p, one).sum(1)), expected, rtol=1e-4, atol=1e-7)


def test_each_channel_has_its_conditional():
    """Of the joint table the marginals of the first channels, and their ratios."""
    p, parameters = pixels(seed=1)
    for one in parameters:
        terms = table(p, one)
        joint = np.exp(terms.astype(float).sum(1)).reshape([LEVELS] * CHANNELS)
        first, two = joint.sum((1, 2)), joint.sum(2)
        by_marginals = np.stack(
            [
                np.broadcast_to(first[:, None, None], joint.shape),
                np.broadcast_to((two / first[:, None])[..., None], joint.shape),
                joint / two[..., None],
            ],
            axis=-1,
        )
        np.testing.assert_allclose(
            np.exp(terms), by_marginals.reshape(-1, CHANNELS), rtol=1e-3, atol=1e-6
        )


def test_draws_are_as_frequent_as_probable():
    p, parameters = pixels(seed=2, count=3)
    n = 20_000
    u = uniforms(n)
    for one in parameters:
        drawn = p.draw(np.repeat(one[None], n, axis=0), u).numpy().reshape(n, CHANNELS)
        codes = np.rint(drawn * (LEVELS - 1)).astype(int) @ [LEVELS**2, LEVELS, 1]
        observed = np.bincount(codes, minlength=len(COLOURS)).astype(float)
        expected = n * np.exp(table(p, one).astype(float).sum(1))
        often = expected > 5
        observed = np.append(observed[often], observed[~often].sum())
        expected = np.append(expected[often], expected[~often].sum())
        assert scipy.stats.chisquare(observed, expected * n / expected.sum()).pvalue > 1e-3


def uniforms(n):
    return np.random.default_rng(3).random((n, 1, 1, CHANNELS)).astype(np.float32)


def test_means_are_those_of_brute_force_where_nothing_is_cut_off():
    p = likelihoods.choose("coupled_mixture", 256)
    random = np.random.default_rng(4)
    v = random.normal(0, 0.5, (10, 5))
    v[1:4] = random.normal(0, 0.05, (3, 5))
    v[4:7] = -2.0  # narrow: the tails end before the levels do
    v[7:] *= 0.2
    parameters = v.reshape(1, 1, 1, 50).astype(np.float32)
    u = np.random.default_rng(5).random((200_000, 1, 1, 3)).astype(np.float32)
    drawn = p.draw(np.broadcast_to(parameters, (len(u), 1, 1, 50)), u).numpy()
    error = drawn.std((0, 1, 2)) / np.sqrt(len(u))
    assert (np.abs(drawn.mean((0, 1, 2)) - p.mean(parameters).numpy().reshape(3)) < 5 * error).all()


def test_one_uniform_chooses_a_component_and_leaves_a_uniform():
    p = np.float32([0.2, 0.0, 0.5, 0.3])
    u = (np.arange(10_000, dtype=np.float32) + 0.5) / 10_000
    here, left = levels.chosen(tf.constant(np.tile(p, (len(u), 1))), tf.constant(u))
    np.testing.assert_allclose(here.numpy().mean(0), p, atol=1e-4)
    assert np.array_equal(here.numpy().sum(1), np.ones(len(u)))
    for j in (0, 2, 3):
        own = left.numpy()[here.numpy()[:, j] == 1]
        assert scipy.stats.kstest(own, "uniform").statistic < 1e-3
