"""Options of the VAE, and that a variant is a difference."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.support.vaes import alike, build, terms
from tfgen import models
from tfgen.objectives import divergences


def test_more_samples_are_the_mean_of_single_ones():
    model, image = build("vae")
    many = alike(model, "vae", samples=5)
    seeds = tf.range(4)
    mu, logvar, z, log_p = many.draw_codes({"image": image}, seeds, False)
    assert z.shape == (4, 5, 1)
    for i in range(5):
        one = model.p.log_prob(tf.cast(image, tf.int32), model.decoder(z[:, i]))
        np.testing.assert_allclose(log_p[:, i], one, rtol=1e-5)
    expected = -log_p.numpy().mean(axis=1) + divergences.kl_to_standard_normal(mu, logvar)
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


@pytest.mark.parametrize("name", ["iwae", "beta_vae", "vamp_vae"])
def test_a_variant_is_a_difference(name):
    """Of the VAE, whose training step it keeps."""
    variant, vae = models.find(name), models.find("vae")
    assert issubclass(variant, vae)
    assert variant.train_step is vae.train_step
    assert variant.log_prob is vae.log_prob
