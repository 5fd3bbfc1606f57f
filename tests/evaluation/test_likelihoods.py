"""Likelihoods where the density is known: probabilistic principal components, and a uniform one."""

import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import evaluation, models
from tfgen.compiling import compiled
from tfgen.data.points import MIXTURES
from tfgen.evaluation import measure, protocol
from tfgen.evaluation.absent import Absent
from tfgen.evaluation.likelihoods import kl_to_truth, likelihoods


class UnitGaussian:
    """p(x|z) = N(mean, s^2) of real-valued pixels; levels are taken as numbers in [0, 1]."""

    parameters = 1

    def __init__(self, s, levels):
        self.s, self.levels = s, levels

    def log_prob(self, levels, mean):
        x = tf.cast(levels, tf.float32) / (self.levels - 1)
        terms = -0.5 * ((x - mean) / self.s) ** 2 - math.log(self.s * math.sqrt(2 * math.pi))
        return tf.reduce_sum(terms, axis=[1, 2, 3])

    def mean(self, mean):
        return mean


@pytest.fixture(scope="module")
def linear():
    """A VAE whose networks are set to x = W z + b + s eps, its exact posterior, and log p(x)."""
    from keras import layers

    random = np.random.default_rng(0)
    d, z, s = 9, 2, 0.3
    w, b = 0.2 * random.normal(size=(d, z)), np.full(d, 0.5)
    precision = np.eye(z) + w.T @ w / s**2
    to_mean = np.linalg.solve(precision, w.T) / s**2
    # The exact posterior has a full covariance; a rotation of z makes it diagonal.
    turn = np.linalg.eigh(precision)[1]
    w, to_mean = w @ turn, turn.T @ to_mean
    variance = 1 / np.diag(turn.T @ precision @ turn)

    def set_networks(spoil=0.0):
        model = models.find("vae")((3, 3, 1), 64, latent_dim=z, network="dense", width=2)
        kernel = np.concatenate([(1 + spoil) * to_mean.T, np.zeros((d, z))], axis=1)
        bias = np.concatenate([-(1 + spoil) * to_mean @ b, np.log(variance) + spoil])
        model.encoder = keras.Sequential(
            [layers.Input((3, 3, 1)), layers.Flatten(), layers.Dense(2 * z)]
        )
        model.encoder.layers[-1].set_weights([kernel, bias])
        model.decoder = keras.Sequential(
            [layers.Input((z,)), layers.Dense(d), layers.Reshape((3, 3, 1))]
        )
        model.decoder.layers[0].set_weights([w.T, b])
        model.p = UnitGaussian(s, 64)
        return model

    x = (random.integers(64, size=(20, 3, 3, 1)) / 63).astype(np.float32)
    covariance = w @ w.T + s**2 * np.eye(d)
    centred = x.reshape(20, d) - b
    exact = -0.5 * (
        np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    return set_networks, x, exact


@pytest.mark.slow
def test_with_the_exact_posterior_every_bound_is_exact(linear):
    set_networks, x, exact = linear
    model = set_networks()
    np.testing.assert_allclose(model.elbo(x, samples=1).numpy(), exact, rtol=1e-4)
    np.testing.assert_allclose(model.log_prob(x, samples=7).numpy(), exact, rtol=1e-4)


@pytest.mark.slow
def test_bounds_rise_with_k_up_to_the_exact_likelihood(linear):
    """With an encoder that is off, over nested groups of the same 4,096 draws (Jensen)."""
    set_networks, x, exact = linear
    model = set_networks(spoil=0.8)
    log_weight = model._importance(tf.constant(x))
    draws = compiled(lambda: tf.map_fn(log_weight, tf.range(4096), fn_output_signature="float32"))
    log_w = draws().numpy().astype(np.float64)
    bounds = []
    for k in (1, 2, 8, 64, 4096):
        groups = log_w.reshape(-1, k, len(x))
        bounds.append((np.logaddexp.reduce(groups, axis=1) - math.log(k)).mean())
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] < exact.mean() - 0.3
    assert bounds[-1] == pytest.approx(exact.mean(), abs=0.05)
    # And what the model says are the first and the last of them.
    assert model.elbo(x, samples=4096).numpy().mean() == pytest.approx(bounds[0], rel=1e-4)
    assert model.log_prob(x, samples=4096).numpy().mean() == pytest.approx(bounds[-1], rel=1e-4)


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


class Counted:
    """-log p(x) = the first pixel, and -ELBO one more; it keeps how many images it was asked of."""

    likelihood_kind = "lower bound"
    image_shape = (2, 2, 1)

    def can(self, capability):
        return capability in ("log_prob", "elbo")

    def elbo(self, x, samples):
        return -1.0 - x[:, 0, 0, 0]

    def bound(self, x, samples):
        return -x[:, 0, 0, 0], tf.zeros(len(x))


def test_the_likelihood_may_be_that_of_the_first_images():
    images = (np.arange(400) % 256).astype(np.uint8).reshape(100, 2, 2, 1)
    about = types.SimpleNamespace(name="pictures", levels=256)
    splits = evaluation.Splits(about, {}, {"image": images})
    given = dict(data="", size=0, train="", split="", n=1, seed=0, k=1, features="")
    for nll_n, of in ((30, images[:30]), (None, images)):
        asked = evaluation.Protocol(**given, features_hash="", nll_n=nll_n)
        found = likelihoods(Counted(), splits, asked, Absent(), lambda share: None)
        assert found["nll"] == pytest.approx(of[:, 0, 0, 0].mean() / 255)
        assert found["neg_elbo"] == pytest.approx(1 + found["nll"])


def test_bounds_of_many_draws_are_of_a_part_of_many_images():
    exact, bound = (types.SimpleNamespace(can=lambda name, is_bound=b: is_bound) for b in (0, 1))
    assert measure.likelihood_of(0, 10_000, exact) is None
    assert measure.likelihood_of(0, 10_000, bound) == protocol.MOST_BOUNDED
    assert measure.likelihood_of(0, 447, bound) is None
    assert measure.likelihood_of(1000, 10_000, exact) == 1000
    assert measure.likelihood_of(1000, 447, bound) is None
