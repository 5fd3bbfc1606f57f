"""VQ-VAE: the quantiser's gradient, both codebooks, dead codes, and the prior over codes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.layers import Dropout
from tfgen.models.vq_vae import CausalPrior

ARGUMENTS = dict(codes=5, code_dim=3, width=4, depth=2, prior_width=8)


def build(shape=(8, 8, 1), levels=17, **arguments):
    row = Row("vq_vae", ARGUMENTS | arguments, 0, shape, levels)
    model = row.build()
    return model, row.batch(8)


def test_the_nearest_code_by_brute_force():
    model, batch = build(depth=1)
    z_e = model.encoder(model.to_unit(batch["image"])).numpy().reshape(8, 16, 3)
    e = model.e.numpy()
    expected = np.square(z_e[:, :, None] - e).sum(axis=-1).argmin(axis=-1)
    np.testing.assert_array_equal(model.nearest(z_e.reshape(8, 4, 4, 3)), expected)
    np.testing.assert_array_equal(model.indices(model.to_unit(batch["image"])), expected)


def test_the_gradient_passes_straight_through():
    """Section 3.2: the encoder gets the decoder's gradient at z_q, and that of the commitment."""
    model, batch = build(commitment=0.0)
    image = batch["image"]
    with tf.GradientTape() as tape:
        loss, _, _, _ = model.forward(image, False)
    gradient = tape.gradient(loss, model.encoder.trainable_variables)
    with tf.GradientTape(persistent=True) as tape:
        z_e = model.encoder(model.to_unit(image))
        z_q = model.looked_up(model.nearest(z_e))
        tape.watch(z_q)
        loss = -model.p.log_prob(tf.cast(image, tf.int32), model.decoder(z_q))
    at_z_q = tape.gradient(loss, z_q)
    expected = tape.gradient(z_e, model.encoder.trainable_variables, output_gradients=at_z_q)
    for a, b in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_commitment_pulls_the_encoder_and_the_codebook_loss_the_codes():
    model, batch = build(codebook="gradient", commitment=0.25)
    with tf.GradientTape(persistent=True) as tape:
        loss, terms, z_e, c = model.forward(batch["image"], False)
        loss = tf.reduce_sum(loss)
    z, e = z_e.numpy().reshape(-1, 3), model.e.numpy()
    expected = np.zeros_like(e)
    for row, code in zip(z, c.numpy().ravel(), strict=True):
        expected[code] += 2 * (e[code] - row)  # of |sg[z_e] - e|^2 alone
    got = tf.convert_to_tensor(tape.gradient(loss, model.e))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    distance = np.square(z - e[c.numpy().ravel()]).sum(axis=1).reshape(8, -1).sum(axis=1)
    np.testing.assert_allclose(terms["commitment"], distance, rtol=1e-4)


@pytest.mark.slow
def test_the_averaged_codebook_comes_to_the_means_of_its_clusters():
    """Appendix A.1, of a fixed encoder: e_k tends to the mean of the z_e that choose it."""
    model, _ = build(codes=3, decay=0.9, restart=0.0)
    random = np.random.default_rng(0)
    centres = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], np.float32)
    model.e.assign(centres + 0.5)
    model.usage.assign(np.ones(3))
    model.sums.assign(centres + 0.5)
    for _ in range(200):
        k = random.choice(3, 60, p=[0.6, 0.3, 0.1])
        z = (centres[k] + 0.1 * random.normal(size=(60, 3))).astype(np.float32)
        c = tf.reshape(model.nearest(tf.reshape(z, [15, 2, 2, 3])), [-1])
        model.update_codebook(tf.constant(z), c)
    np.testing.assert_allclose(model.e.numpy(), centres, atol=0.05)
    np.testing.assert_allclose(model.usage.numpy() / 3, [0.6, 0.3, 0.1], atol=0.06)


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_dead_codes_come_back_as_places_of_the_batch(codebook):
    model, _ = build(codebook=codebook, restart=0.05, decay=0.5)
    z = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    model.usage.assign([1.0, 1.0, 0.0, 1.0, 0.01])
    model.sums.assign(model.e)
    before = model.e.numpy()
    c = tf.constant([0, 1, 3, 1] * 10)
    model.update_codebook(tf.constant(z), c)
    after = model.e.numpy()
    for code in (2, 4):
        assert any(np.allclose(after[code], row) for row in z)
    alive = [0, 1, 3]
    if codebook == "gradient":
        np.testing.assert_array_equal(after[alive], before[alive])
    assert (model.usage.numpy()[[2, 4]] == 1.0).all()


@pytest.mark.parametrize(("places", "layers"), [(4, 3), (16, 3), (17, 4), (49, 5), (256, 7)])
def test_the_prior_sees_everything_before(places, layers):
    """By the gradient of a place's logits by what the codes are embedded as."""
    prior = CausalPrior(places, 5, 4, lambda name: Dropout(0.0, name, None))
    assert len(prior.stack) == layers
    random = np.random.default_rng(0)
    for weight in prior.trainable_variables:
        weight.assign(0.3 * random.normal(size=weight.shape))
    c = tf.constant(random.integers(0, 5, (1, places)), tf.int32)
    for i in (0, places // 2, places - 1):
        with tf.GradientTape() as tape:
            found = tf.reduce_sum(prior(c)[0, i, :2])
        # Code j - 1 is added to the vector of place j, and so has its gradient.
        gradient = tape.gradient(found, prior.position).numpy()[1:]
        reached = np.abs(gradient).sum(axis=1) > 0
        np.testing.assert_array_equal(reached, np.arange(places - 1) < i)


def test_the_best_weights_are_chosen_by_the_bound():
    model, batch = build()
    bound = model.log_prob(model.to_unit(batch["image"])).numpy()
    assert float(model.test_step(batch)["loss"]) == pytest.approx(-bound.mean(), rel=1e-5)


def test_the_prior_sees_only_what_came_before():
    """The Jacobian of its logits, by changing one code at a time; and each place sees the last."""
    model, _ = build((8, 8, 1), depth=1)
    random = np.random.default_rng(0)
    for weight in model.prior_network.trainable_variables:
        weight.assign(weight + 0.1 * random.normal(size=weight.shape))
    c = random.integers(0, 5, (1, 16)).astype(np.int32)
    base = model.prior_network(c).numpy()
    for i in range(16):
        other = c.copy()
        other[0, i] = (other[0, i] + 1) % 5
        changed = np.abs(model.prior_network(other).numpy() - base).max(axis=-1)[0] > 1e-7
        assert not changed[: i + 1].any()
        if i < 15:
            assert changed[i + 1]


def test_the_prior_sums_to_one_and_its_draws_follow_it():
    model, _ = build((4, 4, 1), codes=3)  # a grid of one place
    every = np.arange(3, dtype=np.int32)[:, None]
    assert np.exp(model.prior_log_prob(every)).sum() == pytest.approx(1.0, abs=1e-5)

    model, _ = build((8, 8, 1), codes=3, prior_width=4)
    random = np.random.default_rng(0)
    for weight in model.prior_network.trainable_variables:
        weight.assign(weight + 0.3 * random.normal(size=weight.shape))
    every = np.array(list(itertools.product(range(3), repeat=4)), np.int32)
    p = np.exp(model.prior_log_prob(every).numpy().astype(np.float64))
    assert p.sum() == pytest.approx(1.0, abs=1e-5)
    drawn = model.draw_codes(model.noise(tf.range(20_000))["u"]).numpy()
    counts = np.bincount(drawn @ (3 ** np.arange(4)), minlength=81)
    expected = np.zeros(81)
    expected[every @ (3 ** np.arange(4))] = p * 20_000
    likely = expected > 5
    chi2 = np.sum((counts - expected)[likely] ** 2 / expected[likely])
    assert chi2 < likely.sum() + 5 * np.sqrt(2 * likely.sum())


@pytest.mark.slow
def test_its_bound_is_below_the_likelihood_by_enumeration():
    """log p(x) = log sum_c p(c) p(x|c), over all code grids."""
    model, batch = build((8, 8, 1), codes=3, prior_width=4)
    step = compiled(model.train_step)
    for _ in range(30):
        step(batch)
    every = np.array(list(itertools.product(range(3), repeat=4)), np.int32)
    log_prior = model.prior_log_prob(every).numpy().astype(np.float64)
    parameters = model.decoder(model.looked_up(every))
    x = batch["image"] / np.float32(16)
    bound = model.log_prob(x).numpy()
    for i in range(8):
        levels = tf.repeat(tf.constant(batch["image"][i : i + 1], tf.int32), 81, axis=0)
        joint = log_prior + model.p.log_prob(levels, parameters).numpy()
        assert bound[i] <= np.logaddexp.reduce(joint) + 1e-3
        assert np.isclose(joint, bound[i], atol=1e-3).any()


def test_perplexity_by_hand():
    model, _ = build()
    assert float(model.perplexity(tf.constant([0, 1, 2, 3, 4]))) == pytest.approx(5.0, rel=1e-5)
    assert float(model.perplexity(tf.constant([2, 2, 2]))) == pytest.approx(1.0, rel=1e-5)
    assert float(model.perplexity(tf.constant([0, 0, 1, 1]))) == pytest.approx(2.0, rel=1e-5)
