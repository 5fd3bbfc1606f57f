"""EDM: its scales, and its sampler against an ODE whose solution is known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import random


@pytest.fixture(scope="module")
def model():
    return Row("edm", dict(network="dense", width=4, sampling_steps=4), None).build()


@pytest.mark.parametrize("sigma", [0.003, 0.5, 20.0])
def test_what_goes_in_and_what_is_wanted_have_variance_one(model, sigma):
    seeds = tf.range(2000)
    y = model.sigma_data * random.normal(seeds, [4, 4, 1], "y")
    x = y + sigma * random.normal(seeds, [4, 4, 1], "n")
    c_skip, c_out, c_in = model.scales(tf.fill([2000], sigma))
    for value in (c_in * x, (y - c_skip * x) / c_out):
        np.testing.assert_allclose(np.var(value), 1.0, rtol=0.03)


def test_the_denoiser_that_says_the_target_is_right(model, monkeypatch):
    """D is y wherever F says what it should: the scales of training and of D are the same."""
    seeds, sigma = tf.range(6), tf.constant([0.01, 0.1, 0.5, 1.0, 5.0, 50.0])
    y = random.normal(seeds, [8, 8, 1], "y")
    x = y + tf.reshape(sigma, [-1, 1, 1, 1]) * random.normal(seeds, [8, 8, 1], "n")
    c_skip, c_out, _ = model.scales(sigma)
    monkeypatch.setattr(type(model), "F", lambda self, *_: (y - c_skip * x) / c_out)
    np.testing.assert_allclose(model.denoised(x, sigma), y, atol=2e-5)


def test_the_loss_is_that_of_the_paper(model):
    """lambda |D(y + n; sigma) - y|^2, of the error that is reported beside it."""
    batch = Row("edm", {}, None).batch(16)
    seeds = tf.range(16)
    terms = model.step_terms(batch, seeds, training=False)
    log_sigma = np.log(0.3) + 1.2 * random.normal(seeds, [1], "sigma")[:, 0].numpy()
    sigma = np.exp(log_sigma).astype(np.float32)
    weight = (sigma**2 + model.sigma_data**2) / (sigma * model.sigma_data) ** 2
    np.testing.assert_allclose(terms["loss"], weight * terms["error"], rtol=1e-4)
    y = model.to_range(model.to_unit(batch["image"]))
    n = sigma[:, None, None, None] * random.normal(seeds, [8, 8, 1], "n").numpy()
    error = np.mean((model.denoised(y + n, tf.constant(sigma)) - y) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(terms["error"], error, rtol=1e-3)


def test_the_sigmas_are_those_of_equation_5(model):
    way = model.way()
    rho, n = model.rho, model.sampling_steps
    most, least = model.sigma_max ** (1 / rho), model.sigma_min ** (1 / rho)
    want = [(most + i / (n - 1) * (least - most)) ** rho for i in range(n)]
    np.testing.assert_allclose(way.sigma[0::2], want, rtol=1e-9)  # of slopes at the start
    np.testing.assert_allclose(way.sigma[1::2], want[1:], rtol=1e-9)
    assert len(way.sigma) == 2 * n - 1
