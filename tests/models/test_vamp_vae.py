"""The VampPrior: the density that is learned, its KL and its draws."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.support.vaes import build, terms


@pytest.fixture(scope="module")
def vamp():
    return build("vamp_vae", pseudo_inputs=3)


def grid():
    return np.linspace(-12, 12, 40001, dtype=np.float32, retstep=True)


def test_the_learned_prior_is_a_density(vamp):
    model, _ = vamp
    z, step = grid()
    assert np.exp(
        model.make_prior().log_prob(z[:, None]).numpy().astype(float)
    ).sum() * step == pytest.approx(1.0, abs=1e-4)


def test_the_prior_is_the_mixture_of_posteriors_of_its_inputs(vamp):
    model, _ = vamp
    q = model.encode(tf.clip_by_value(model.u, 0, 1))
    mu, sigma = q["mean"].numpy(), np.exp(0.5 * q["log_var"].numpy())
    z = np.linspace(-3, 3, 7, dtype=np.float32)[:, None]
    each = np.exp(-0.5 * ((z - mu.T) / sigma.T) ** 2) / (sigma.T * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(model.make_prior().log_prob(z), np.log(each.mean(axis=1)), rtol=1e-4)


def test_its_kl_is_the_integral(vamp):
    model, image = vamp
    z, step = grid()
    q = model.encode(image / 2)
    mu, sigma = (float(v) for v in (q["mean"][0, 0], tf.exp(0.5 * q["log_var"][0, 0])))
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma * math.sqrt(2 * math.pi))
    exact = (np.exp(log_q) * (log_q - model.make_prior().log_prob(z[:, None]).numpy())).sum() * step
    many = terms(model, np.repeat(image[:1], 20_000, axis=0))["kl"]
    assert many.mean() == pytest.approx(exact, abs=4 * many.std() / math.sqrt(20_000))


def test_samples_follow_the_learned_prior(vamp):
    """The components by their weights, and codes within each by its posterior."""
    model, _ = vamp
    noise = model.noise(tf.range(6000))
    k = (noise["k"].numpy()[:, 0] * 3).astype(int)
    assert set(k) == {0, 1, 2}
    assert np.bincount(k) == pytest.approx(2000, abs=150)
    mu, logvar = (t.numpy() for t in model.parts(model.u))
    z = mu[k] + np.exp(0.5 * logvar[k]) * noise["z"].numpy()
    expected = model.p.mean(model.decoder(z))
    np.testing.assert_allclose(model.generate(noise), expected, atol=1e-5)
