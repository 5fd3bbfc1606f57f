"""Boltzmann machines against enumeration: every state of a tiny one is looked at."""

import itertools

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tfgen import models
from tfgen.errors import UserError
from tfgen.layers.boltzmann import Machine
from tfgen.metrics.diagnosis import diagnose

KINDS = {"binary": dict(levels=2), "gaussian": dict(levels=3, sigma=0.5)}


def machine(visible, hidden, kind="binary", centred=False, scale=0.7, seed=0):
    found = Machine(visible, hidden, centred=centred, **KINDS[kind])
    random = np.random.default_rng(seed)
    for w in (found.W, found.a, found.b):
        w.assign(scale * random.normal(size=w.shape))
    found.base.assign(0.3 * random.normal(size=visible))
    if centred:
        found.mu.assign(random.random(visible))
        found.offset.assign(random.random(hidden))
    return found


def states(units, levels=2):
    return np.array(list(itertools.product(range(levels), repeat=units)), np.float32) / (levels - 1)


def energy(m, v, h):
    """-E(v, h) of the docstring, with offsets as they are: [V, D], [N, H] -> [V, N]."""
    v64, h64 = v.astype(float), h.astype(float)
    W, a, b = (np.asarray(w, float) for w in (m.W.numpy(), m.a.numpy(), m.b.numpy()))
    if m.sigma:
        W, a = W / m.sigma**2, a / m.sigma**2
    mu, lam = (m.mu.numpy(), m.offset.numpy()) if m.centred else (0.0, 0.0)
    q = -(v64**2).sum(1) / (2 * m.sigma**2) if m.sigma else np.zeros(len(v))
    pairs = (v64 - mu) @ W @ (h64 - lam).T
    return q[:, None] + ((v64 - mu) @ a)[:, None] + ((h64 - lam) @ b)[None] + pairs


def joint(m, levels):
    v, h = states(m.visible, levels), states(m.hidden)
    e = energy(m, v, h)
    return v, h, e, np.logaddexp.reduce(e.ravel())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("centred", [False, True])
def test_free_energy_and_log_z_are_those_of_enumeration(kind, centred):
    m = machine(4, 5, kind, centred)
    v, _, e, log_z = joint(m, m.levels)
    # With offsets the energy is the same but for a constant, which Z has too.
    log_p = -m.free_energy(tf.constant(v)).numpy() - m.exact_log_z()
    np.testing.assert_allclose(log_p, np.logaddexp.reduce(e, axis=1) - log_z, atol=2e-5)
    assert np.exp(log_p.astype(float)).sum() == pytest.approx(1, abs=1e-5)
    if not centred:
        assert m.exact_log_z() == pytest.approx(log_z, abs=1e-5)


@pytest.mark.parametrize("sizes", [(3, 7), (7, 3)])
@pytest.mark.parametrize("centred", [False, True])
def test_log_z_of_a_small_layer_is_that_of_all_states_of_both(sizes, centred):
    m = machine(*sizes, centred=centred)
    v, _, e, log_z = joint(m, 2)
    found = m.log_z(v)
    assert (found.error, found.effective, found.reverse) == (0.0, 0.0, found.value)
    assert found.exact
    log_p = -m.free_energy(tf.constant(v)).numpy() - found.value
    np.testing.assert_allclose(log_p, np.logaddexp.reduce(e, axis=1) - log_z, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("visible", [6, 24])
@pytest.mark.parametrize("field", [0.0, 0.08, -0.08])
def test_log_z_of_two_modes_with_data_in_one_is_exact_or_flagged(visible, field):
    """Units that all agree, as magnets, pulled by a field; data has the mode of zeros alone.

        -E = J sum(2 v - 1) sum(2 h - 1) + field sum(2 v - 1)

    By counts of ones Z is a sum over D + 1 and N + 1 of them. Annealing from the data's means never
    meets the other mode: log Z was too small by .69 and more, with an error under .002.
    """
    hidden, j = 24, 0.12
    m = Machine(visible, hidden)
    m.W.assign(np.full((visible, hidden), 4 * j))
    m.a.assign(np.full(visible, 2 * field - 2 * j * hidden))
    m.b.assign(np.full(hidden, -2 * j * visible))
    v, h = (2 * np.arange(n + 1) - n for n in (visible, hidden))
    log_ways = [np.log(scipy.special.comb(n, np.arange(n + 1))) for n in (visible, hidden)]
    terms = log_ways[0][:, None] + log_ways[1] + j * v[:, None] * h + field * v[:, None]
    exact = scipy.special.logsumexp(terms) - j * visible * hidden + field * visible
    found = m.log_z(np.zeros((50, visible), np.float32), steps=500, mixing=100)
    results = {
        "nll": found.value, "nll_reverse": found.reverse, "log_z_error": found.error,
        "log_z_chains": found.effective,
    }  # fmt: skip
    flagged = bool(diagnose(results, {}, {}, {})) and not found.exact
    assert abs(found.value - exact) < max(4 * found.error, 1e-3) or flagged
    assert found.exact == (visible <= 20)


@pytest.mark.slow
def test_log_z_of_one_mode_is_found_and_not_flagged():
    """Weak weights: against the sum over all states of a layer, which it may take elsewhere."""
    m = machine(24, 12, scale=0.15)
    exact = m.exact_log_z()
    wide = Machine(24, 21)  # nine more, without connections: a factor of 2 each
    wide.W.assign(np.pad(m.W.numpy(), [(0, 0), (0, 9)]))
    wide.a.assign(m.a)
    wide.b.assign(np.pad(m.b.numpy(), (0, 9)))
    v = (np.random.default_rng(0).random((50, 24)) < 0.5).astype(np.float32)
    found = wide.log_z(v, steps=500, mixing=100)
    assert abs(found.value - exact - 9 * np.log(2)) < max(4 * found.error, 1e-3)
    assert abs(found.reverse - found.value) < max(5 * found.error, 0.01)
    assert found.effective > 200


@pytest.mark.parametrize("algorithm", ["cd", "pcd"])
def test_many_steps_of_the_chain_give_the_exact_gradient(algorithm):
    """What CD-k and PCD descend on, of many chains and steps, is the likelihood's own gradient."""
    m = Machine(4, 3, chains=6000 if algorithm == "pcd" else 0)
    random = np.random.default_rng(0)
    for w in m.learned():
        w.assign(0.7 * random.normal(size=w.shape))
    v = states(4)
    p = np.exp(-m.free_energy(tf.constant(v)).numpy().astype(float) - m.exact_log_z())
    data = tf.constant(v[random.integers(0, 16, 6000)])
    draws = m.negative(data, tf.range(6000), 30, lambda n: tf.range(n) + 6000)
    weights = [w.value for w in m.learned()]
    with tf.GradientTape(persistent=True) as tape:
        by_chain = tf.reduce_mean(m.free_energy(draws))
        exact = tf.reduce_sum(tf.constant(p, tf.float32) * m.free_energy(tf.constant(v)))
    pairs = zip(tape.gradient(by_chain, weights), tape.gradient(exact, weights), strict=True)
    for found, wanted in pairs:
        # Each is a mean of 6,000 numbers in [-1, 0]: a standard error of .0065 at most.
        np.testing.assert_allclose(found, wanted, atol=0.026)


@pytest.mark.slow
def test_log_z_of_sixteen_hidden_units_is_found_by_ais_from_both_sides():
    m = machine(30, 16, scale=0.4)
    exact = m.exact_log_z()
    estimate, error = m.ais_log_z(chains=400, steps=1000)
    assert abs(estimate - exact) < max(4 * error, 0.02)
    # Draws of the model: hidden states are few, so they can be drawn exactly.
    h = states(16)
    weights = m.log_partition_of_visible(m.to_visible(tf.constant(h))).numpy().sum(1)
    weights = weights + h @ m.b.numpy()
    p = np.exp(weights.astype(float) - exact)
    rows = np.random.default_rng(1).choice(len(h), 400, p=p / p.sum())
    fields = m.to_visible(tf.constant(h[rows]))
    u = np.random.default_rng(2).random(fields.shape).astype(np.float32)
    reverse, error = m.reverse_ais_log_z(m.draw_visible(fields, u), steps=1000)
    assert abs(reverse - exact) < max(4 * error, 0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_few_steps_bracket_log_z(kind):
    """On average: by few steps of annealing, from below forwards and from above backwards."""
    m = machine(8, 6, kind, scale=1.5)
    exact = m.exact_log_z()
    v = states(8, m.levels)
    p = np.exp(-m.free_energy(tf.constant(v)).numpy().astype(float) - exact)
    rows = np.random.default_rng(0).choice(len(v), 500, p=p / p.sum())
    log_w = m._anneal(tf.constant(500), tf.constant(3))[0].numpy().mean() + m.base_log_z()
    back = m.base_log_z() - m._cool(tf.constant(v[rows]), tf.constant(3)).numpy().mean()
    assert log_w < exact < back


@pytest.mark.parametrize("kind", KINDS)
def test_a_gibbs_step_leaves_the_distribution_as_it_is(kind):
    """p(v') = sum_v p(v) T(v, v') with T = sum_h p(v'|h) p(h|v), and detailed balance."""
    m = machine(3, 4, kind)
    v, h, e, log_z = joint(m, m.levels)
    p_v = np.exp(np.logaddexp.reduce(e, axis=1) - log_z)
    logits = m.to_hidden(tf.constant(v)).numpy().astype(float)
    p_h = np.prod(1 / (1 + np.exp(-np.where(h[None] > 0, 1, -1) * logits[:, None])), axis=2)
    rows = tf.constant(v)
    p_v_h = [np.exp(m.log_visible_given(rows, tf.tile(one[None], [len(v), 1]))) for one in h]
    p_v_h = np.array(p_v_h, float)
    np.testing.assert_allclose(p_v_h.sum(1), 1, atol=1e-5)
    transitions = p_h @ p_v_h
    np.testing.assert_allclose(p_v @ transitions, p_v, atol=1e-6)
    flow = p_v[:, None] * transitions
    np.testing.assert_allclose(flow, flow.T, atol=1e-6)


def test_the_chain_draws_what_the_machine_says():
    import scipy.stats

    m = machine(3, 4, "gaussian")
    _, _, e, log_z = joint(m, 3)
    p = np.exp(np.logaddexp.reduce(e, axis=1) - log_z)
    u = np.random.default_rng(0).random((9000, 60, 7)).astype(np.float32)
    start = m.start(np.random.default_rng(1).random((9000, 3)).astype(np.float32))
    drawn = m.run(start, tf.constant(u), heating=30).numpy()
    codes = np.round(drawn * 2).astype(int) @ [9, 3, 1]
    counts = np.bincount(codes, minlength=27)
    often = p * 9000 > 5
    expected = np.append(p[often], p[~often].sum()) * 9000
    observed = np.append(counts[often], counts[~often].sum())
    keep = expected > 0
    test = scipy.stats.chisquare(observed[keep], expected[keep] * 9000 / expected[keep].sum())
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("centred", [False, True])
def test_the_gradient_is_that_of_the_exact_likelihood(kind, centred):
    """The loss with the expectation over the model by enumeration, against finite differences."""
    m = machine(4, 3, kind, centred)
    v = states(4, m.levels)
    data = v[np.random.default_rng(3).integers(0, len(v), 6)]
    p = np.exp(-m.free_energy(tf.constant(v)).numpy().astype(float) - m.exact_log_z())

    with tf.GradientTape() as tape:
        model_energy = tf.reduce_sum(tf.constant(p, tf.float32) * m.free_energy(tf.constant(v)))
        gap = tf.reduce_mean(m.free_energy(tf.constant(data))) - model_energy
    weights = [m.W, m.a, m.b]
    gradients = tape.gradient(gap, [w.value for w in weights])

    def nll():
        free = m.free_energy(tf.constant(data)).numpy().astype(float)
        return free.mean() + m.exact_log_z()

    for w, gradient in zip(weights, gradients, strict=True):
        flat = w.numpy().ravel()
        for i in range(min(4, len(flat))):
            step = np.zeros_like(flat)
            step[i] = 0.02
            w.assign((flat + step).reshape(w.shape))
            above = nll()
            w.assign((flat - step).reshape(w.shape))
            below = nll()
            w.assign(flat.reshape(w.shape))
            found = np.ravel(gradient)[i]
            assert found == pytest.approx((above - below) / 0.04, abs=2e-3)


def test_offsets_move_and_the_energy_stays():
    m = machine(5, 4, centred=True)
    v = states(5)
    before = m.free_energy(tf.constant(v)).numpy()
    m.update_offsets(np.full(5, 0.9, np.float32), np.full(4, 0.1, np.float32), rate=0.5)
    after = m.free_energy(tf.constant(v)).numpy()
    np.testing.assert_allclose(after - before, (after - before)[0], atol=1e-5)
    assert np.abs(m.mu.numpy() - 0.9).max() < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_has_the_means_of_the_data(kind):
    m = machine(6, 3, kind)
    v = np.random.default_rng(0).integers(0, m.levels, (400, 6)) / (m.levels - 1)
    m.set_base(v.astype(np.float32))
    means = m.mean_visible(tf.reshape(m.base, [1, -1])).numpy()[0]
    np.testing.assert_allclose(means, v.mean(0), atol=0.01)


def test_completion_keeps_the_known():
    model = models.find("rbm")((4, 4, 1), 2, hidden=5, steps=10)
    x = np.random.default_rng(0).integers(0, 2, (6, 4, 4, 1)).astype(np.float32)
    known = np.zeros(x.shape, bool)
    known[:, :2] = True
    full = model.complete(x, known).numpy()
    assert np.array_equal(full[known], x[known])
    assert set(np.unique(full)) <= {0.0, 1.0}


def test_binary_units_on_grey_data_are_refused():
    with pytest.raises(UserError, match=r"2 levels, these have 17.*digits_binary"):
        models.find("rbm")((8, 8, 1), 17, visible="binary")
