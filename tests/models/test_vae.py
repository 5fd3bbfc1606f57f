"""What is particular to the VAE: its bounds, and priors other than N(0, I)."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import logsumexp

from tests.zoo import Row
from tfgen import latents
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.objectives import divergences


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


@pytest.mark.slow
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


def test_a_network_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="network 'cnn'"):
        Row("vae", dict(network="cnn"), 0).build()


def coupled(name, **arguments):
    """A VAE of two codes whose prior is a mixture far from N(0, I), and four images."""
    row = Row(name, dict(latent_dim=2, width=8) | arguments, 0, (2, 2, 1), 3)
    model, random = row.build(), np.random.default_rng(0)
    kernel = model.encoder.layers[-1].kernel
    kernel.assign(kernel * 6.0)
    if name == "vamp_vae":
        model.u.assign(random.random(model.u.shape))
    else:
        codes = random.normal(size=(4000, 2)) @ [[0.8, 0.6], [0.0, 0.4]]
        model.latents.fit(codes + 2.0 * (random.random((4000, 1)) < 0.4))
    return model, row.batch(4)["image"] / np.float32(2)


PRIORS = [("vamp_vae", dict(pseudo_inputs=3)), ("vae", dict(components=2))]


@pytest.mark.parametrize(("name", "arguments"), PRIORS)
def test_the_kl_of_codes_is_to_the_models_own_prior(name, arguments):
    """By brute force over a grid of both codes: the whole, and the marginals of each."""
    model, x = coupled(name, **arguments)
    z, width = np.linspace(-30, 30, 1201, dtype=np.float32, retstep=True)
    grid = np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1)
    log_p = model.density_of_codes().log_prob(grid).numpy().astype(np.float64)
    log_margins = [logsumexp(log_p, axis=1 - j) + math.log(width) for j in (0, 1)]
    dependence = log_margins[0][:, None] + log_margins[1] - log_p
    q = {key: value.numpy().astype(np.float64) for key, value in model.encode(x).items()}
    whole, units = (found.numpy() for found in model.code_kl(x))
    for i in range(4):
        mu, log_var = q["mean"][i], q["log_var"][i]
        each = -0.5 * ((z[:, None] - mu) ** 2 / np.exp(log_var) + log_var + math.log(2 * math.pi))
        log_q = each[:, None, 0] + each[None, :, 1]
        weight = np.exp(log_q) * width**2
        assert weight.sum() == pytest.approx(1.0, abs=1e-5)
        exact = np.sum(weight * (log_q - log_p))
        variance = np.sum(weight * dependence**2) - np.sum(weight * dependence) ** 2
        assert whole[i] == pytest.approx(exact, abs=4 * math.sqrt(variance / 1000))
        for j in (0, 1):
            of_unit = np.sum(np.exp(each[:, j]) * (each[:, j] - log_margins[j])) * width
            assert units[i, j] == pytest.approx(of_unit, rel=1e-4, abs=1e-3)
    normal = divergences.kl_to_standard_normal(q["mean"], q["log_var"]).numpy()
    assert np.abs(whole - normal).max() > 0.5, "the prior is another than N(0, I)"
    assert np.abs(whole - units.sum(axis=1)).max() > 0.1, "its units are not independent"
    np.testing.assert_allclose(latents.by_information(model, x)[1], units.mean(axis=0), rtol=1e-5)


@pytest.mark.slow
def test_a_vae_with_a_fitted_prior_samples_and_scores_by_it():
    """The bound is that of the mixture: by brute force over a grid of its one code."""
    arguments = dict(latent_dim=1, width=8, components=2)
    model = Row("vae", arguments, 0, (2, 2, 1), 3).build()
    images = np.random.default_rng(0).integers(0, 3, (300, 2, 2, 1)).astype(np.uint8)
    step = compiled(model.train_step)
    for _ in range(300):
        step({"image": images})
    x = images[:4] / np.float32(2)
    before = model.log_prob(x, samples=500).numpy()
    model.fit_after_training(images)
    grid, width = np.linspace(-8, 8, 4001, dtype=np.float32, retstep=True)
    prior = np.exp(model.latents.log_prob(grid[:, None]).numpy().astype(np.float64))
    assert prior.sum() * width == pytest.approx(1.0, abs=1e-3)
    levels = model.to_levels(x)
    exact = []
    for i in range(4):
        log_p = model.p.log_prob(
            tf.repeat(levels[i : i + 1], 4001, 0), model.decoder(grid[:, None])
        )
        exact.append(np.log(np.sum(np.exp(log_p.numpy().astype(np.float64)) * prior) * width))
    np.testing.assert_allclose(model.log_prob(x, samples=2000), exact, atol=0.03)
    assert np.abs(before - exact).max() > 0.01, "the mixture is another density than N(0, 1)"
    codes = model.draw_prior(tf.range(3000)).numpy()
    drawn = np.histogram(codes, bins=20, range=(-4, 4))[0] / 3000
    expected = [prior[(grid >= a) & (grid < a + 0.4)].sum() * width for a in np.arange(-4, 4, 0.4)]
    np.testing.assert_allclose(drawn, expected, atol=0.03)
    with pytest.raises(UserError, match="components=0"):
        Row("vamp_vae", arguments, 0, (2, 2, 1), 3).build()
