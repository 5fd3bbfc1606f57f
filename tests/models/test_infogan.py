"""InfoGAN: the bound of the information, and classes that are found."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests import zoo
from tests.support.toys import trained
from tests.zoo import GAN, Row
from tfgen import random
from tfgen.metrics import classes


def test_the_bound_of_the_mutual_information():
    model = Row("infogan", GAN, 0).build()
    noise = model.noise(tf.range(4))
    logits = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
    means = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32)
    score = tf.concat([tf.zeros([4, 1]), logits, means], axis=-1)
    k = np.floor(noise["u"].numpy()[:, 0] * 10).astype(int)
    log_q = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = log_q[np.arange(4), k] + math.log(10)
    expected += stats.norm.logpdf(noise["c"], means, 1).sum(axis=1)
    np.testing.assert_allclose(model.information(score, noise), expected, rtol=1e-5)


@pytest.mark.parametrize("fresh", [False, True])
def test_the_information_is_of_images_and_the_codes_that_made_them(fresh):
    """Also where G's update draws others: what is logged is what D's update was of."""
    row = Row("infogan", GAN | dict(fresh_noise=fresh, critic_steps=2, normalisation="none"), 0)
    model, batch = row.build(), row.batch()
    # Larger kernels show what the images depend on.
    for weight in model.trainable_variables:
        weight.assign(10.0 * weight)
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 0.0
    seeds = model.training_seeds(batch["image"])[1::2]
    noise = model.noise(seeds)
    fake = model.G(model.latent(noise), training=True)
    other = model.noise(random.derived(seeds, "fresh noise"))
    expected, wrong = (
        np.mean(model.information(model.score(fake), codes)) for codes in (noise, other)
    )
    assert abs(expected - wrong) > 0.1
    terms = model.train_step(batch)
    assert float(terms["information"]) == pytest.approx(expected, rel=1e-4)
    # G descends on the codes that its own images are of.
    if fresh:
        noise, fake = other, model.G(model.latent(other), training=True)
    score = model.score(fake)
    g_loss = np.logaddexp(0, -score[:, 0]) - model.information(score, noise)
    assert float(terms["g_loss"]) == pytest.approx(np.mean(g_loss), rel=1e-4)


def test_categories_are_uniform_and_are_what_samples_are_made_of():
    model = Row("infogan", GAN, 0).build()
    z = model.draw_prior(tf.range(5000)).numpy()
    codes = z[:, 6:16]
    assert np.array_equal(np.unique(codes), [0, 1])
    assert (codes.sum(axis=1) == 1).all()
    np.testing.assert_allclose(codes.mean(axis=0), 0.1, atol=0.02)
    np.testing.assert_array_equal(model.decode(z[:5]), model.sample(np.arange(5)))
    each = model.of_each_category(z[:2]).numpy()
    assert each.shape == (20, 18)
    np.testing.assert_array_equal(each[:10, 6:16], np.eye(10))
    np.testing.assert_array_equal(each[:10, :6], np.tile(z[:1, :6], (10, 1)))


@pytest.mark.slow
def test_classes_are_found_without_labels():
    """Three kinds of images: the categorical code of three values comes to be their class."""
    best = 0.0
    for start in range(3):  # the game has bad ends; one of three starts must do
        model = trained("infogan", 800, categories=3, continuous=1, normalisation="none")
        batch = zoo.toys(300, seed=10_000 + start)
        found = model.cluster(batch["image"].astype(np.float32) / 16).numpy()
        best = max(best, classes.adjusted_rand_index(batch["label"], found))
        if best > 0.9:
            break
    assert best > 0.9
