"""The importance-weighted autoencoder: its bound, and the gradient of it."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.support.vaes import alike, build, terms
from tfgen.objectives import divergences


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
        loss = tf.reduce_sum(model.step_terms({"image": image}, tf.range(4), False)["loss"])
    gradient = tape.gradient(loss, bias).numpy()

    with tf.GradientTape() as tape:
        mu, logvar, z, log_p = model.draw_codes({"image": image}, tf.range(4), False)
        log_q = divergences.normal_log_prob(z, mu[:, None], logvar[:, None])
        log_w = log_p + model.make_prior().log_prob(z) - log_q
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
