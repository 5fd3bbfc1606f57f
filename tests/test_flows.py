"""Flows: the inverse is one, and determinants are those of brute force."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import ROWS
from tfgen import models
from tfgen.data.points import MIXTURES
from tfgen.errors import UserError
from tfgen.evaluation.likelihoods import kl_to_truth
from tfgen.models.nice import MARGIN, NICE

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


@pytest.mark.parametrize("dequantisation", ["uniform", "variational"])
def test_the_bound_is_one_and_tightens(dequantisation):
    """Two numbers of three levels: the truth is an integral over each bin, by brute force."""
    model = stirred("nice", (1, 1, 2), 3, 0.5, dequantisation=dequantisation, **SMALL["nice"])
    if dequantisation == "variational":
        # Nearly uniform, so that 4,000 draws are enough: u = sigmoid(1.65 eps), and a little more.
        for w in model.q.trainable_variables:
            w.assign(0.1 * w)
        model.q.layers[-1].bias.assign_add([0.0, 0.0, 0.5, 0.5])
    ticks = (np.arange(900) + 0.5) / 900
    x = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 1, 1, 2)
    p = np.exp(model.log_density(x.astype(np.float32)).numpy()).reshape(3, 300, 3, 300)
    truth = np.log(p.sum(axis=(1, 3)) / 900**2).ravel()
    images = np.array(list(itertools.product(range(3), repeat=2)), np.float32) / 2
    images = images.reshape(9, 1, 1, 2)
    elbo, bound = model.elbo(images, 4000).numpy(), model.log_prob(images, 4000).numpy()
    assert (elbo < bound + 1e-4).all()
    np.testing.assert_allclose(np.exp(bound), np.exp(truth), rtol=0.05, atol=1e-3)
    assert np.exp(bound).sum() < 1.0


def test_an_image_that_cannot_be_squeezed_is_refused():
    with pytest.raises(UserError, match=r"1x1 is not divisible by 2.*network=dense"):
        models.find("realnvp")((1, 1, 2), 256)


def test_kl_to_truth_is_that_of_a_known_density():
    """Of the uniform density: its cross entropy is the logarithm of the square's area."""

    class Uniform:
        def log_density(self, x):
            return tf.zeros(len(x))

    mixture = MIXTURES["ring"]
    points = mixture.sample(200_000, np.random.default_rng(0))
    entropy = -mixture.log_prob(points).mean()
    expected = 2 * np.log(2 * mixture.extent) - entropy
    assert kl_to_truth(Uniform(), mixture) == pytest.approx(expected, abs=0.01)
