"""What is particular to the VAE: its bounds."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.errors import UserError


@pytest.fixture(scope="module")
def vae():
    """One latent, for integrals over z by quadrature; a little trained, so that they matter."""
    row = Row("vae", dict(latent_dim=1, network="dense", width=8), 0, (2, 2, 1), 3)
    model = row.build()
    step = compiled(model.train_step)
    for _ in range(200):
        step(row.batch(16))
    return model, row.batch(4)["image"].astype(np.float32) / 2


def exact_log_prob(model, x, n=20001):
    """log of the integral of p(x|z) p(z) over z, on a grid."""
    z = np.linspace(-8, 8, n).astype(np.float32)
    parameters = model.decoder(z[:, None])
    prior = -0.5 * z.astype(np.float64) ** 2 - 0.5 * math.log(2 * math.pi)
    rows = []
    for image in x:
        levels = np.repeat(np.rint(image * 2).astype(np.int32)[None], n, axis=0)
        log_joint = model.p.log_prob(levels, parameters).numpy() + prior
        top = log_joint.max()
        rows.append(top + math.log(np.exp(log_joint - top).sum() * (z[1] - z[0])))
    return np.array(rows)


def test_the_importance_bound_converges_to_the_integral(vae):
    model, x = vae
    np.testing.assert_allclose(model.log_prob(x, samples=4000), exact_log_prob(model, x), atol=0.02)


def test_draws_are_as_frequent_as_probable(vae):
    """8,100 draws of p(x|z) against the integrals of all 81 images, which sum to one."""
    model, _ = vae
    every = np.array(list(itertools.product(range(3), repeat=4)), np.float32).reshape(-1, 2, 2, 1)
    p = np.exp(exact_log_prob(model, every / 2, n=2001))
    assert p.sum() == pytest.approx(1, abs=1e-4)  # the step of the grid is rounded to float32
    model.draw = True
    drawn = model.sample(np.arange(8100)).numpy()
    model.draw = False
    counts = np.bincount(
        np.round(drawn.reshape(-1, 4) * 2).astype(int) @ [27, 9, 3, 1], minlength=81
    )
    often = p * 8100 > 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(p[often], 1 - p[often].sum()) * 8100
    if often.all():
        observed, expected = observed[:-1], expected[:-1] * 8100 / expected[:-1].sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.slow
def test_the_elbo_is_the_integral_less_the_posterior_gap(vae):
    """ELBO = log p(x) - KL(q(z|x) || p(z|x)), with the expectation over q by quadrature."""
    model, x = vae
    q = model.encode(x)
    z = np.linspace(-12, 12, 20001).astype(np.float32)
    parameters = model.decoder(z[:, None])
    for i, image in enumerate(x):
        mu, sigma = float(q["mean"][i, 0]), float(tf.exp(q["log_var"][i, 0] / 2))
        density = np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        levels = np.repeat(np.rint(image * 2).astype(np.int32)[None], len(z), axis=0)
        expected = (density * model.p.log_prob(levels, parameters).numpy()).sum() * (z[1] - z[0])
        kl = 0.5 * (mu**2 + sigma**2 - 2 * math.log(sigma) - 1)
        assert float(model.elbo(x[i : i + 1], samples=4000)[0]) == pytest.approx(
            expected - kl, abs=0.05
        )


@pytest.mark.slow
def test_bounds_stream_the_importance_weights(vae):
    model, x = vae
    log_w = model._importance(x)
    log_w = np.stack([log_w(tf.constant(i)).numpy() for i in range(16)]).astype(np.float64)
    for k in (1, 3, 16):
        together = np.log(np.exp(log_w[:k]).mean(0))
        np.testing.assert_allclose(model.log_prob(x, samples=k), together, rtol=1e-5)
        np.testing.assert_allclose(model.elbo(x, samples=k), log_w[:k].mean(0), rtol=1e-5)
    # Burda et al. 2016, theorem 1: the bound of two halves together is never below their mean.
    bounds = [np.log(np.exp(log_w.reshape(-1, k, 4)).mean(1)).mean() for k in (1, 2, 4, 8, 16)]
    assert bounds == sorted(bounds)


@pytest.mark.slow
def test_bounds_are_below_the_integral(vae):
    model, x = vae
    exact = exact_log_prob(model, x)
    assert (model.elbo(x, samples=2000).numpy() <= exact + 0.02).all()
    gap = model.log_prob(x, samples=2000) - model.elbo(x, samples=2000)
    assert float(tf.reduce_min(gap)) >= -1e-3


def test_one_sample_of_the_two_bounds_is_the_same(vae):
    model, x = vae
    np.testing.assert_allclose(model.log_prob(x, samples=1), model.elbo(x, samples=1), rtol=1e-6)


def test_test_step_estimates_the_elbo(vae):
    model, x = vae
    image = np.repeat(np.rint(x * 2).astype(np.uint8), 500, axis=0)
    loss = float(model.test_step({"image": image})["loss"])
    elbo = float(tf.reduce_mean(model.elbo(x, samples=2000)))
    assert loss == pytest.approx(-elbo, abs=0.05)


def test_draws_are_levels_and_their_mean_is_the_mean(vae):
    model, _ = vae
    drawing = type(model).from_config(model.get_config() | {"draw": True})
    drawing.set_weights(model.get_weights())
    z = np.zeros((4000, 1), np.float32)
    u = drawing.noise(tf.range(4000))["u"]
    draws = drawing.generate({"z": z, "u": u}).numpy()
    assert set(np.unique(draws)) <= {0.0, 0.5, 1.0}
    np.testing.assert_allclose(draws.mean(0), model.generate({"z": z})[0], atol=0.04)


def test_dropout_drops_in_training_alone_and_keeps_the_mean():
    row = Row("vae", dict(latent_dim=2, network="dense", width=4000, dropout=0.25), 0)
    model = row.build()
    layer = model.encoder.layers[2]
    x = tf.ones([3, 4000])
    assert np.array_equal(layer(x, training=False), x)
    dropped = layer(x, training=True).numpy()
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)}
    assert abs((dropped == 0).mean() - 0.25) < 0.02
    assert not np.array_equal(dropped[0], dropped[1])
    assert np.array_equal(layer(x, training=True), dropped)
    model.step.assign_add(1)
    assert not np.array_equal(layer(x, training=True), dropped)


def test_a_shape_that_cannot_be_halved_twice_is_refused():
    with pytest.raises(UserError, match=r"10x8.*`model.network=dense"):
        Row("vae", dict(network="conv"), 0, (10, 8, 1)).build()
    with pytest.raises(UserError, match="network 'cnn'"):
        Row("vae", dict(network="cnn"), 0).build()
