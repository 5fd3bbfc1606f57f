"""What each variant of the VAE changes, and nothing else."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import models
from tfgen.compiling import compiled
from tfgen.objectives import losses

ARGUMENTS = dict(latent_dim=1, network="dense", width=8)


def build(name, steps=150, **arguments):
    """A small model, a little trained so that its networks matter."""
    row = Row(name, ARGUMENTS | arguments, 0, (2, 2, 1), 3)
    model = row.build()
    step = compiled(model.train_step)
    for _ in range(steps):
        step(row.batch(16))
    return model, row.batch(4)["image"]


def alike(model, name, **arguments):
    """A model of another class with the same weights."""
    made = models.find(name)(**(model.get_config() | arguments))
    made.set_weights(model.get_weights())
    return made


def terms(model, image, training=False, first=0):
    found = model.neg_elbo({"image": image}, tf.range(first, first + len(image)), training)
    return {key: value.numpy().astype(np.float64) for key, value in found.items()}


# --- options of the VAE --------------------------------------------------------------------------


def test_more_samples_are_the_mean_of_single_ones():
    model, image = build("vae")
    many = alike(model, "vae", samples=5)
    seeds = tf.range(4)
    mu, logvar, z, log_p = many.draw_codes({"image": image}, seeds, False)
    assert z.shape == (4, 5, 1)
    for i in range(5):
        one = model.p.log_prob(tf.cast(image, tf.int32), model.decoder(z[:, i]))
        np.testing.assert_allclose(log_p[:, i], one, rtol=1e-5)
    expected = -log_p.numpy().mean(axis=1) + losses.kl_to_standard_normal(mu, logvar)
    np.testing.assert_allclose(terms(many, image)["loss"], expected, rtol=1e-5)
    repeated = np.repeat(image[:1], 3000, axis=0)
    spread = [terms(m, repeated)["loss"].std() for m in (model, many)]
    assert spread[0] / spread[1] == pytest.approx(math.sqrt(5), rel=0.1)


def test_the_kl_term_warms_up():
    model, image = build("vae")
    warm = alike(model, "vae", warmup=20)
    for step, weight in ((0, 0.0), (5, 0.25), (20, 1.0), (400, 1.0)):
        warm.step.assign(step)
        found = terms(warm, image, training=True)
        np.testing.assert_allclose(
            found["loss"], found["distortion"] + weight * found["kl"], rtol=1e-6
        )
    warm.step.assign(0)  # held-out images are measured by the bound itself
    found = terms(warm, image)
    np.testing.assert_allclose(found["loss"], found["distortion"] + found["kl"], rtol=1e-6)


def test_free_bits_cost_nothing_and_pull_nothing():
    model, image = build("vae")
    kl = terms(model, image)["kl"]
    free = alike(model, "vae", free_bits=float(np.median(kl)))
    found = terms(free, image, training=True)
    np.testing.assert_allclose(
        found["loss"], found["distortion"] + np.maximum(kl, np.median(kl)), rtol=1e-5
    )
    assert (found["kl"] < np.median(kl)).any(), "the term itself is reported as it is"


# --- IWAE ----------------------------------------------------------------------------------------


def test_iwae_of_one_sample_is_the_vae():
    """In expectation: the VAE has its KL in closed form, L_1 by the draw."""
    model, image = build("vae")
    one = alike(model, "iwae", samples=1)
    repeated = np.repeat(image, 4000, axis=0)
    difference = terms(one, repeated)["loss"] - terms(model, repeated)["loss"]
    error = difference.std() / math.sqrt(len(difference))
    assert abs(difference.mean()) < 4 * error
    assert difference.std() > 0.01


def test_iwae_is_the_bound_of_its_own_weights():
    model, image = build("iwae", samples=6)
    mu, logvar, z, log_p = (
        t.numpy().astype(np.float64) for t in model.draw_codes({"image": image}, tf.range(4), False)
    )
    log_normal = -0.5 * (z**2 + math.log(2 * math.pi)).sum(axis=-1)
    variance = np.exp(logvar)[:, None]
    log_q = -0.5 * ((z - mu[:, None]) ** 2 / variance + np.log(2 * math.pi * variance)).sum(axis=-1)
    w = np.exp(log_p + log_normal - log_q)
    np.testing.assert_allclose(terms(model, image)["loss"], -np.log(w.mean(axis=1)), rtol=1e-5)
    # Jensen: never above the mean of the single bounds.
    assert (terms(model, image)["loss"] <= -np.log(w).mean(axis=1) + 1e-6).all()


def test_the_gradient_of_iwae_weighs_the_draws():
    """Equation 14: each draw's gradient times w_i / sum w_j; and finite differences agree."""
    model, image = build("iwae", samples=4)
    bias = model.decoder.layers[-2].bias
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.neg_elbo({"image": image}, tf.range(4), False)["loss"])
    gradient = tape.gradient(loss, bias).numpy()

    with tf.GradientTape() as tape:
        mu, logvar, z, log_p = model.draw_codes({"image": image}, tf.range(4), False)
        log_q = losses.normal_log_prob(z, mu[:, None], logvar[:, None])
        log_w = log_p + model.log_prior()(z) - log_q
        weighted = -tf.reduce_sum(tf.stop_gradient(tf.nn.softmax(log_w, axis=1)) * log_w)
    np.testing.assert_allclose(gradient, tape.gradient(weighted, bias), rtol=1e-3, atol=1e-5)

    start = bias.numpy()
    for i in range(3):
        step = np.zeros_like(start)
        step[i] = 1e-2
        values = []
        for sign in (1, -1):
            bias.assign(start + sign * step)
            values.append(terms(model, image)["loss"].sum())
        bias.assign(start)
        assert (values[0] - values[1]) / 2e-2 == pytest.approx(gradient[i], rel=0.02, abs=2e-3)


# --- beta-VAE ------------------------------------------------------------------------------------


def test_beta_of_one_is_the_vae():
    model, image = build("vae")
    for training in (False, True):
        one = terms(alike(model, "beta_vae", beta=1.0), image, training)
        np.testing.assert_array_equal(one["loss"], terms(model, image, training)["loss"])


def test_beta_is_the_weight_of_the_kl_in_nats():
    model, image = build("vae")
    found = terms(alike(model, "beta_vae", beta=7.0), image)
    np.testing.assert_allclose(found["loss"], found["distortion"] + 7 * found["kl"], rtol=1e-6)


def test_free_bits_are_free_before_beta():
    """Of images whose KL is below 8 nats each: 4 times 8, and not the greater of 8 and 4 KL."""
    model, image = build("vae")
    found = terms(alike(model, "beta_vae", beta=4.0, free_bits=8.0), image, training=True)
    assert (found["kl"] < 8).all()
    np.testing.assert_allclose(found["loss"], found["distortion"] + 32.0, rtol=1e-6)


def test_the_capacity_rises_and_holds_the_mean_kl():
    """Burgess et al., equation 8: of the batch, so that its images may differ among each other."""
    model, image = build("vae")
    made = alike(model, "beta_vae", beta=10.0, capacity=4.0, capacity_steps=100)
    for step, c in ((0, 0.0), (50, 2.0), (100, 4.0), (1000, 4.0)):
        made.step.assign(step)
        found = terms(made, image, training=True)
        expected = found["distortion"].mean() + 10 * abs(found["kl"].mean() - c)
        assert found["loss"].mean() == pytest.approx(expected, rel=1e-5)
    kl = terms(made, image)["kl"]
    assert np.ptp(kl) > 0.01
    held = alike(model, "beta_vae", beta=10.0, capacity=float(kl.mean()))
    found = terms(held, image)
    np.testing.assert_allclose(found["loss"], found["distortion"], atol=1e-4)


@pytest.mark.slow
def test_a_larger_beta_carries_less():
    """After training from the same start: fewer nats in the code, worse reconstructions."""
    gentle, image = build("beta_vae", 400, beta=0.3)
    strict, _ = build("beta_vae", 400, beta=8.0)
    assert terms(strict, image)["kl"].mean() < 0.5 * terms(gentle, image)["kl"].mean()
    assert terms(strict, image)["distortion"].mean() > terms(gentle, image)["distortion"].mean()


# --- VampPrior -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vamp():
    return build("vamp_vae", pseudo_inputs=3)


def grid():
    return np.linspace(-12, 12, 40001, dtype=np.float32, retstep=True)


def test_the_learned_prior_is_a_density(vamp):
    model, _ = vamp
    z, step = grid()
    assert np.exp(
        model.log_prior()(z[:, None]).numpy().astype(float)
    ).sum() * step == pytest.approx(1.0, abs=1e-4)


def test_the_prior_is_the_mixture_of_posteriors_of_its_inputs(vamp):
    model, _ = vamp
    q = model.encode(tf.clip_by_value(model.u, 0, 1))
    mu, sigma = q["mean"].numpy(), np.exp(0.5 * q["log_var"].numpy())
    z = np.linspace(-3, 3, 7, dtype=np.float32)[:, None]
    each = np.exp(-0.5 * ((z - mu.T) / sigma.T) ** 2) / (sigma.T * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(model.log_prior()(z), np.log(each.mean(axis=1)), rtol=1e-4)


def test_its_kl_is_the_integral(vamp):
    model, image = vamp
    z, step = grid()
    q = model.encode(image / 2)
    mu, sigma = (float(v) for v in (q["mean"][0, 0], tf.exp(0.5 * q["log_var"][0, 0])))
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma * math.sqrt(2 * math.pi))
    exact = (np.exp(log_q) * (log_q - model.log_prior()(z[:, None]).numpy())).sum() * step
    many = terms(model, np.repeat(image[:1], 20_000, axis=0))["kl"]
    assert many.mean() == pytest.approx(exact, abs=4 * many.std() / math.sqrt(20_000))


def test_samples_follow_the_learned_prior(vamp):
    """The components by their weights, and codes within each by its posterior."""
    model, _ = vamp
    noise = model.noise(tf.range(6000))
    k = (noise["k"].numpy()[:, 0] * 3).astype(int)
    assert set(k) == {0, 1, 2}
    assert np.bincount(k) == pytest.approx(2000, abs=150)
    mu, logvar = (t.numpy() for t in model.mixture(model.u))
    z = mu[k] + np.exp(0.5 * logvar[k]) * noise["z"].numpy()
    expected = model.p.mean(model.decoder(z))
    np.testing.assert_allclose(model.generate(noise), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["iwae", "beta_vae", "vamp_vae"])
def test_a_variant_is_a_difference(name):
    """Of the VAE, whose training step it keeps."""
    variant, vae = models.find(name), models.find("vae")
    assert issubclass(variant, vae)
    assert variant.train_step is vae.train_step
    assert variant.log_prob is vae.log_prob
