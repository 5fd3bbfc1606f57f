"""The priors: their shapes, and the part of each label."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.errors import UserError
from tfgen.layers import priors
from tfgen.objectives import divergences


def draws(prior, count=4000, label=None):
    return prior.draw(prior.noise(tf.range(count)), label).numpy()


def test_the_petals_lie_around_a_circle():
    z = draws(priors.find("mixture", 2))
    radius = np.linalg.norm(z, axis=1)
    assert radius.mean() == pytest.approx(2.0, abs=0.05)
    angle = np.arctan2(z[:, 1], z[:, 0]) / (2 * math.pi) * 10
    off = np.abs(angle - np.round(angle))
    assert np.quantile(off, 0.9) < 0.2
    counts = np.bincount(np.round(angle).astype(int) % 10, minlength=10)
    assert counts.min() > 300


def test_the_swiss_roll_is_evenly_filled():
    z = draws(priors.find("swiss_roll", 2), 20_000)
    radius = np.linalg.norm(z, axis=1)
    assert radius.max() < 3.3
    # Length grows with the square of t, and so of the radius.
    shares = np.histogram(radius**2 / 9, bins=5, range=(0, 1))[0] / len(z)
    np.testing.assert_allclose(shares, 0.2, atol=0.03)


@pytest.mark.parametrize("name", ["mixture", "swiss_roll"])
def test_labels_choose_their_part_of_the_prior(name):
    """Each class has a part of its own; together they are the density without labels."""
    prior, free = priors.find(name, 2, parts=10), priors.find(name, 2)
    z = [draws(prior, 400, np.full(400, c, np.int32)) for c in range(10)]
    centres = np.stack([part.mean(axis=0) for part in z])
    nearest = [np.linalg.norm(part[:, None] - centres, axis=-1).argmin(axis=1) for part in z]
    right = np.mean([np.mean(n == c) for c, n in enumerate(nearest)])
    assert right > 0.85
    together, alone = np.concatenate(z), draws(free, 4000)
    np.testing.assert_allclose(together.mean(axis=0), alone.mean(axis=0), atol=0.08)
    np.testing.assert_allclose(np.cov(together.T), np.cov(alone.T), atol=0.15)


class Plain(priors.Prior):
    """N(0, I) by its density alone."""

    unit_log_prob = priors.Normal.unit_log_prob


def test_a_density_of_units_is_all_that_a_kl_needs():
    """By quadrature and by draws, where the closed form is known."""
    mu, logvar = tf.constant([[0.3, -1.0]]), tf.constant([[-0.5, -1.5]])
    exact = divergences.unit_kl_to_standard_normal(mu, logvar)
    whole, units = Plain().code_kl(mu, logvar, samples=0)
    np.testing.assert_allclose(units, exact, rtol=1e-4)
    np.testing.assert_allclose(whole, tf.reduce_sum(exact, axis=1), rtol=1e-4)
    eps = np.random.default_rng(0).normal(size=(1, 20_000, 2)).astype(np.float32)
    by_draws = Plain().kl(mu, logvar, mu[:, None] + tf.exp(0.5 * logvar)[:, None] * eps)
    np.testing.assert_allclose(by_draws, whole, atol=0.04)


def test_a_mixture_is_drawn_as_its_parts_say():
    mu, sigma = np.array([[-3.0, 0.0], [2.0, 2.0]]), np.array([[0.5, 1.0], [0.2, 0.1]])
    prior = priors.Mixture(*(tf.constant(a, tf.float32) for a in (mu, 2 * np.log(sigma))))
    z = draws(prior, 10_000)
    left = z[:, 0] < -0.5
    assert left.mean() == pytest.approx(0.5, abs=0.02)
    for k, part in enumerate((z[left], z[~left])):
        np.testing.assert_allclose(part.mean(axis=0), mu[k], atol=0.06)
        np.testing.assert_allclose(part.std(axis=0), sigma[k], rtol=0.05)


def test_priors_that_do_not_suit_are_refused():
    with pytest.raises(UserError, match="latent_dim is 3, but must be 2"):
        priors.find("swiss_roll", 3)
    with pytest.raises(UserError, match="no parts for labels"):
        priors.find("normal", 2, parts=10)
    with pytest.raises(UserError, match="unknown prior 'swiss'"):
        priors.find("swiss", 2)
    arguments = dict(latent_dim=2, width=4, prior="mixture", labels=True, components=3)
    with pytest.raises(UserError, match="knows no labels"):
        Row("adversarial_autoencoder", arguments, 0).build()
    with pytest.raises(UserError, match=r"`model.components=1` or more"):
        Row("autoencoder", dict(latent_dim=2, width=4, components=0), 0).build()
