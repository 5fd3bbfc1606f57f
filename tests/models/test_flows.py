"""Flows: the inverse is one, and determinants are those of brute force."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.zoo import ROWS
from tfgen import models
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.models.nice import MARGIN, NICE
from tfgen.models.realnvp import SPAN

FLOWS = [row for row in ROWS if issubclass(models.find(row.name), NICE)]


def stirred(name, shape, levels=17, scale=0.2, **arguments):
    keras.utils.set_random_seed(1)
    model = models.find(name)(shape, levels, seed=3, **arguments)
    random = np.random.default_rng(0)
    for w in model.trainable_variables:
        w.assign_add(scale * random.normal(size=w.shape))
    return model


SMALL = {
    "nice": dict(width=5, depth=1, couplings=3),
    "realnvp": dict(width=4, depth=1, couplings=2),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_inverse_is_one(name):
    model = stirred(name, (8, 8, 2), scale=0.1, **SMALL[name])
    y = np.random.default_rng(1).normal(size=(5, 128)).astype(np.float32)
    z, _ = model.to_prior(y)
    np.testing.assert_allclose(model.from_prior(z), y, atol=1e-4)
    assert np.abs(z - y).max() > 0.1


@pytest.mark.parametrize("name", SMALL)
def test_log_determinant_is_that_of_the_jacobian(name):
    model = stirred(name, (4, 4, 1), **SMALL[name])
    y = tf.constant(np.random.default_rng(1).normal(size=(3, 16)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(y)
        z, log_det = model.to_prior(y)
    jacobian = tape.batch_jacobian(z, y).numpy().astype(np.float64)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], atol=1e-4)


def test_volume_is_preserved_by_couplings_of_nice_alone():
    model = stirred("nice", (4, 4, 1), **SMALL["nice"])
    model.s.assign(tf.zeros_like(model.s))
    y = np.random.default_rng(1).normal(size=(3, 16)).astype(np.float32)
    assert np.array_equal(model.to_prior(y)[1], np.zeros(3))


@pytest.mark.parametrize("name", SMALL)
def test_the_density_integrates_to_one(name):
    """On the plane: a sum over a fine grid of all that the logit takes, [-1/18, 19/18]^2."""
    arguments = SMALL[name] | (dict(network="dense") if name == "realnvp" else {})
    model = stirred(name, (1, 1, 2), scale=0.3, **arguments)
    ticks = (np.arange(800) + 0.5) / 800
    ticks = (ticks - MARGIN) / (1 - 2 * MARGIN)
    x = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 1, 1, 2).astype(np.float32)
    area = (1 - 2 * MARGIN) ** -2
    assert np.exp(model.log_density(x)).mean() * area == pytest.approx(1, abs=5e-3)


def as_far_as_they_go(model, to=10.0):
    """Limits and shares of s at their utmost."""
    model.limits.assign(tf.fill(model.limits.shape, to))


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((8, 8, 3), dict(scales=3, couplings=3)),
        ((4, 4, 1), dict(scales=1, couplings=16)),
        ((1, 1, 2), dict(network="dense", couplings=16)),
    ],
)
def test_all_couplings_together_scale_a_number_no_further_than_the_span(shape, arguments):
    """Where every s is as large as its limit lets it be, and t is 0, z / y is e to their sum."""
    model = models.find("realnvp")(shape, 17, width=4, depth=1, **arguments)
    as_far_as_they_go(model)
    for net in model.nets:
        kernel, bias = net.layers[-1].get_weights()
        bias[: len(bias) // 2] = 20.0
        net.layers[-1].set_weights([0 * kernel, bias])
    y = np.random.default_rng(0).normal(size=(1, model.size)).astype(np.float32)
    z, log_det = model.to_prior(np.abs(y))
    assert np.log(np.sort(z) / np.sort(np.abs(y)) + 1e-9).max() <= SPAN + 1e-3
    total = log_det.numpy()[0] / model.size  # the mean over numbers
    assert 0.5 * SPAN < total <= SPAN + 1e-4


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.slow
def test_no_level_is_lost_with_networks_of_unit_gain(name):
    """Networks that keep the size of what they see, and scales as far as they go, in float32.

    38,400 levels of 256. Bins are 0.014 wide at the least, so errors of 0.007 lose a level.
    """
    arguments = dict(
        nice=dict(width=200, depth=2, couplings=4),
        realnvp=dict(width=32, depth=1, couplings=3, scales=3),
    )[name]
    model, random = models.find(name)((8, 8, 3), 256, **arguments), np.random.default_rng(0)
    for net in model.nets:
        for w in net.trainable_variables:
            if len(w.shape) > 1:
                w.assign(random.normal(size=w.shape) / np.sqrt(np.prod(w.shape[:-1])))
    if name == "realnvp":
        as_far_as_they_go(model)
        for w in (*model.g, *model.b):
            w.assign(0.3 * random.normal(size=w.shape))
    levels = random.integers(0, 256, (200, 8, 8, 3))
    y = model.in_bin(levels.reshape(200, -1), 0.5, 0.5)[0]
    back = compiled(lambda y: model.from_prior(model.to_prior(y)[0]))(y)
    assert np.abs(back - y).max() < 2e-3
    x = (levels / 255).astype(np.float32)
    np.testing.assert_array_equal(model.to_levels(compiled(model.reconstruct)(x)), levels)


def of_two_numbers(name, dequantisation):
    """A flow of two numbers of three levels, and its nine images."""
    arguments = SMALL[name] | (dict(network="dense") if name == "realnvp" else {})
    model = stirred(name, (1, 1, 2), 3, 0.5, dequantisation=dequantisation, **arguments)
    if dequantisation == "variational":
        # Nearly uniform, so that 4,000 draws are enough: u = sigmoid(1.65 eps), and a little more.
        for w in model.q.trainable_variables:
            w.assign(0.1 * w)
        model.q.layers[-1].bias.assign_add([0.0, 0.0, 0.5, 0.5])
    images = np.array(list(itertools.product(range(3), repeat=2)), np.float32) / 2
    return model, images.reshape(9, 1, 1, 2)


def by_quadrature(model, images):
    """log p(x) of each image of two numbers, by a fine grid of the noise that places a point."""
    if model.dequantisation == "uniform":
        ticks = (np.arange(300) + 0.5) / 300
        log_share = np.full(300, -np.log(300.0))
    else:
        ticks = np.linspace(-12, 12, 481)
        log_share = -0.5 * ticks**2 - 0.5 * np.log(2 * np.pi) + np.log(ticks[1] - ticks[0])
    noise = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    log_share = np.add.outer(log_share, log_share).ravel()
    levels = model.to_levels(images).numpy()
    found = []
    for one in levels:
        every = np.repeat(one[None], len(noise), axis=0)
        log_w = model.log_weight(every, noise.astype(np.float32)).numpy().astype(np.float64)
        found.append(np.logaddexp.reduce(log_w + log_share))
    return np.array(found)


DEQUANTISATIONS = ["uniform", "variational"]


@pytest.mark.parametrize("dequantisation", DEQUANTISATIONS)
@pytest.mark.parametrize("name", SMALL)
def test_probabilities_of_all_images_sum_to_one(name, dequantisation):
    """The outer levels' too: what samples go beyond [0, 1] counts for the levels that they get."""
    model, images = of_two_numbers(name, dequantisation)
    assert np.exp(by_quadrature(model, images)).sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", SMALL)
def test_samples_are_of_the_density(name):
    """The shares of 20,000 draws, within four standard errors of the probabilities."""
    model, images = of_two_numbers(name, "uniform")
    p = np.exp(by_quadrature(model, images))
    drawn = model.to_levels(model.sample(np.arange(20_000))).numpy().reshape(-1, 2)
    shares = np.bincount(drawn @ [3, 1], minlength=9) / len(drawn)
    assert (np.abs(shares - p) < 4 * np.sqrt(p * (1 - p) / len(drawn))).all()
    assert p[[0, 2, 6, 8]].sum() > 0.1  # both numbers of an outer level


@pytest.mark.parametrize("dequantisation", DEQUANTISATIONS)
@pytest.mark.slow
def test_the_bound_is_one_and_tightens(dequantisation):
    model, images = of_two_numbers("nice", dequantisation)
    truth = by_quadrature(model, images)
    elbo, bound = model.elbo(images, 4000).numpy(), model.log_prob(images, 4000).numpy()
    assert (elbo < bound + 1e-4).all()
    np.testing.assert_allclose(np.exp(bound), np.exp(truth), rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_bins_tile_the_line(levels):
    """From end to end of all bins: each begins where the last one ended, and holds its level."""
    model = models.find("nice")((1, 1, levels), levels, **SMALL["nice"])
    x = np.arange(levels)[None]
    tiny = 1e-12
    first = model.in_bin(x, tiny, 1 - tiny)[0].numpy()[0]
    last = model.in_bin(x, 1 - tiny, tiny)[0].numpy()[0]
    np.testing.assert_allclose(first[1:], last[:-1], rtol=1e-4, atol=1e-4)
    assert first[0] < -25
    assert last[-1] > 25
    for u in (0.01, 0.5, 0.99):
        model.from_prior = lambda z: z
        points = model.in_bin(x, u, 1 - u)[0]
        np.testing.assert_array_equal(model.to_levels(model.decode(points)).numpy().ravel(), x[0])


def test_the_uniform_of_an_outer_level_is_an_exponential_beyond_its_edge():
    """log v = log width - E, with E of mean 1: by the distribution function of its draws."""
    model = models.find("nice")((1, 1, 2), 17, **SMALL["nice"])
    levels = np.tile([[0, 16]], (4000, 1))
    logit, log_q = model.dequantised(levels, model.bin_noise(tf.range(4000)))
    v = tf.sigmoid(logit * [1.0, -1.0]).numpy().astype(np.float64)
    width = MARGIN + (1 - 2 * MARGIN) / 17
    assert stats.kstest((np.log(width) - np.log(v)).ravel(), "expon").pvalue > 1e-3
    expected = np.log(v * (1 - v) / width).sum(axis=1)
    np.testing.assert_allclose(log_q, expected, rtol=1e-4, atol=1e-4)


def test_an_image_that_cannot_be_squeezed_is_refused():
    with pytest.raises(UserError, match=r"1x1 is not divisible by 2.*network=dense"):
        models.find("realnvp")((1, 1, 2), 256)
