"""Normal densities on levels in closed form, against sums over the levels and scipy."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfgen.layers import level_units
from tfgen.layers.boltzmann import Machine

LEVELS = 256
# Means inside, at the ends and far outside of the levels.
MEANS = np.array([-900, -250, -80, -3, 0, 5, 90, 127.5, 128, 200, 255, 262, 350, 1100], np.float32)
WIDTHS = [8.0, 0.15 * 255, 0.6 * 255]


def exact(s):
    """log p(k) and log Z of each mean, in float64: [M, L], [M]."""
    terms = -np.square(np.arange(LEVELS) - MEANS[:, None].astype(float)) / (2 * s**2)
    log_z = scipy.special.logsumexp(terms, axis=1)
    return terms - log_z[:, None], log_z


@pytest.mark.parametrize("s", WIDTHS[1:])
def test_the_sum_and_the_mean_are_those_of_enumeration(s):
    log_p, log_z = exact(s)
    found = level_units.log_sum(tf.constant(MEANS), s, LEVELS).numpy()
    np.testing.assert_allclose(found, log_z, rtol=1e-6, atol=2e-5)
    means = np.exp(log_p) @ np.arange(LEVELS)
    found = level_units.mean(tf.constant(MEANS), s, LEVELS).numpy()
    # Of means further out than the levels are wide, the correction's next term is seen.
    within = np.abs(MEANS - 127.5) < 1.5 * LEVELS
    np.testing.assert_allclose(found[within], means[within], atol=1e-3)
    np.testing.assert_allclose(found, means, atol=0.05)


@pytest.mark.parametrize("s", WIDTHS)
def test_the_draw_inverts_the_distribution_function(s):
    """At every level: uniforms a little inside of the steps of the enumerated one."""
    cumulative = np.cumsum(np.exp(exact(s)[0]), axis=1)
    u = (np.arange(4000) + 0.5) / 4000
    wanted = np.stack([np.searchsorted(c, u, side="right") for c in cumulative])
    m = tf.constant(np.repeat(MEANS[:, None], len(u), axis=1))
    drawn = level_units.draw(m, s, LEVELS, tf.constant(np.tile(u, (len(m), 1)), tf.float32))
    wrong = drawn.numpy() != wanted
    # Only where u lies on a step but for rounding.
    near = np.abs(cumulative[:, :, None] - u).min(axis=1)
    assert near[wrong].max(initial=0) < 1e-4
    assert np.abs(drawn.numpy() - wanted).max() <= 1


def test_the_tail_is_inverted_where_scipy_inverts_it():
    z = np.linspace(-4, 60, 200)
    found = level_units._from_log_q(tf.constant(scipy.stats.norm.logsf(z), tf.float32)).numpy()
    np.testing.assert_allclose(found[z > -3], z[z > -3], rtol=2e-5, atol=2e-4)


def test_a_machine_of_many_levels_is_one_of_sums():
    """Probabilities given hidden units sum to one, and log Z is that of enumeration."""
    m = Machine(2, 3, levels=64, sigma=0.2)
    random = np.random.default_rng(0)
    for w in m.learned():
        w.assign(0.5 * random.normal(size=w.shape))
    assert m.many_levels
    v = np.stack(np.meshgrid(*[np.arange(64) / 63] * 2), axis=-1).reshape(-1, 2).astype(np.float32)
    h = random.integers(0, 2, (1, 3)).astype(np.float32)
    log_p = m.log_visible_given(tf.constant(v), tf.constant(h.repeat(len(v), axis=0))).numpy()
    assert np.exp(log_p.astype(float)).sum() == pytest.approx(1, abs=2e-5)
    log_z = scipy.special.logsumexp(-m.free_energy(tf.constant(v)).numpy().astype(float))
    assert m.exact_log_z() == pytest.approx(log_z, abs=2e-5)
