"""The conditional GAN: its label is seen, judged and obeyed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import zoo
from tests.support.toys import trained
from tests.zoo import GAN, Row
from tfgen.models.gan import Part


@pytest.mark.parametrize("network", ["conv", "dense", "residual"])
def test_a_label_is_seen_with_the_image_of_its_row(network):
    model = Row("conditional_gan", GAN | dict(network=network), 0).build()
    label = np.array([3, 0, 9, 3], np.int32)
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    both = model.score(x, label).numpy()
    alone = np.concatenate([model.score(x[i : i + 1], label[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(both, alone, atol=1e-5)
    assert np.abs(both - model.score(x, label[::-1]).numpy()).max() > 1e-4


def test_projection_is_an_inner_product_with_the_features():
    model = Row("conditional_gan", GAN | dict(conditioning="projection"), 0).build()
    x = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype(np.float32)
    v, bias = (w.numpy() for w in model.D.layers[-2].weights)
    phi = keras.Model(model.D.inputs[0], model.D.get_layer("features").output)(x).numpy()
    at_zero = model.D(x).numpy()[:, 0]
    for k in range(10):
        found = model.score(x, np.full(5, k, np.int32)).numpy()[:, 0]
        np.testing.assert_allclose(found, at_zero + phi @ v[:, k] + bias[k], atol=1e-5)


def test_the_auxiliary_classifier_is_in_both_losses():
    model = Row("conditional_gan", GAN | dict(conditioning="auxiliary"), 0).build()
    random = np.random.default_rng(0)
    log_c = np.log(random.dirichlet(np.ones(10), (2, 3))).astype(np.float32)
    score = random.normal(size=(2, 3, 1)).astype(np.float32)
    label = np.array([1, 5, 9], np.int32)
    real, fake = (
        tf.constant(np.concatenate([s, c], -1)) for s, c in zip(score, log_c, strict=True)
    )
    part = Part(None, label, None, {})
    D_x, D_fake = 1 / (1 + np.exp(-score[..., 0]))
    missed = -log_c[:, np.arange(3), label]
    d_loss = -np.log(D_x) - np.log(1 - D_fake) + missed[0] + missed[1]
    np.testing.assert_allclose(model.d_loss(real, fake, part), d_loss, rtol=1e-4)
    g_loss = -np.log(D_fake) + missed[1]
    np.testing.assert_allclose(model.g_loss(real, fake, part), g_loss, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["planes", "projection", "auxiliary"])
def test_samples_are_of_the_class_that_was_asked_for(conditioning):
    model = trained("conditional_gan", 500, conditioning=conditioning, num_classes=zoo.TOY_CLASSES)
    label = np.arange(150, dtype=np.int32) % zoo.TOY_CLASSES
    images = model.sample(np.arange(150), label).numpy().reshape(150, 4)
    right = images[:, :3].argmax(axis=1) == label
    assert right.mean() > 0.95
