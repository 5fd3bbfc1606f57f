"""The conditional VAE: its label, its marginal, and the classifier that may say "none"."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests import zoo
from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.objectives import divergences


@pytest.fixture(scope="module")
def model():
    arguments = dict(latent_dim=1, width=16, num_classes=zoo.TOY_CLASSES, network="dense")
    model = Row("cvae", arguments, 0, zoo.TOY_SHAPE, 17).build()
    model.optimizers["vae"].learning_rate = 0.01
    step = compiled(model.train_step)
    for i in range(400):
        step(zoo.toys(seed=i))
    return model


def unit(batch):
    return batch["image"] / np.float32(16)


def test_encoder_and_decoder_see_the_label(model):
    x = unit(zoo.toys(4))
    one, other = (model.posterior(x, np.full(4, c, np.int32))[0].numpy() for c in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    z = np.zeros((3, 1), np.float32)
    images = model.decode(z, np.arange(3, dtype=np.int32)).numpy().reshape(3, 4)
    np.testing.assert_array_equal(images[:, :3].argmax(axis=1), [0, 1, 2])


@pytest.mark.slow
def test_the_bound_of_a_label_is_the_integral_over_codes(model):
    batch = zoo.toys(6, seed=1000)
    x, label = unit(batch), batch["label"]
    z, width = np.linspace(-8, 8, 2001, dtype=np.float32, retstep=True)
    prior = divergences.normal_log_prob(z[:, None], tf.zeros([1]), tf.zeros([1])).numpy()
    exact = []
    for i in range(6):
        levels = tf.repeat(tf.constant(batch["image"][i : i + 1], tf.int32), 2001, axis=0)
        given = np.full(2001, label[i], np.int32)
        log_p = model.p.log_prob(levels, model.parameters(z[:, None], given)).numpy()
        exact.append(np.logaddexp.reduce((log_p + prior).astype(np.float64)) + math.log(width))
    found = model.log_prob(x, samples=2000, label=label)
    np.testing.assert_allclose(found, exact, atol=0.05)
    terms = model.step_terms(batch, tf.range(6), False)
    assert (model.elbo(x, samples=500, label=label).numpy() <= np.array(exact) + 0.05).all()
    assert terms["loss"].shape == (6,)


@pytest.mark.slow
def test_the_marginal_sums_over_labels(model):
    x = unit(zoo.toys(5, seed=7))
    joint = model.class_log_prob(x, samples=100).numpy()
    assert joint.shape == (5, zoo.TOY_CLASSES)
    for c in range(zoo.TOY_CLASSES):
        given = model.log_prob(x, samples=100, label=np.full(5, c, np.int32)).numpy()
        np.testing.assert_allclose(joint[:, c], given - math.log(zoo.TOY_CLASSES), rtol=1e-5)
    expected = np.logaddexp.reduce(joint.astype(np.float64), axis=1)
    np.testing.assert_allclose(model.log_prob(x, samples=100), expected, rtol=1e-5)
    assert (model.elbo(x, samples=100).numpy() <= expected + 0.1).all()


def test_bayes_rule_classifies_and_rejects(model):
    batch = zoo.toys(50, seed=9)
    found = model.classify(unit(batch), samples=20)
    np.testing.assert_array_equal(found["label"], batch["label"])
    np.testing.assert_allclose(tf.reduce_sum(found["probability"], axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(model.likeliest(unit(batch)), batch["label"])
    # Two pixels lit at once were never seen: unlikely under every class.
    odd = np.zeros((4, *zoo.TOY_SHAPE), np.float32)
    odd[:, 0] = 1.0
    least = float(tf.reduce_min(found["log_prob"]))
    rejected = model.classify(odd, samples=20, least=least)
    assert (rejected["log_prob"].numpy() < least).all()
    assert (rejected["label"].numpy() == -1).all()
    assert (model.classify(unit(batch), samples=20, least=least)["label"] >= 0).numpy().all()


def test_without_a_label_codes_are_those_of_the_likeliest(model):
    batch = zoo.toys(8, seed=3)
    x = unit(batch)
    free, given = model.encode(x)["mean"], model.encode(x, batch["label"])["mean"]
    np.testing.assert_allclose(free, given, atol=1e-6)
    rebuilt = model.reconstruct(x).numpy().reshape(8, 4)
    np.testing.assert_array_equal(rebuilt[:, :3].argmax(axis=1), batch["label"])


def test_samples_need_labels_and_show_them(model):
    with pytest.raises(UserError, match="give `label`, 0 to 2"):
        model.sample([1, 2])
    labels = model.condition.defaults(range(90))
    images = model.sample(np.arange(90), labels).numpy().reshape(90, 4)
    assert np.mean(images[:, :3].argmax(axis=1) == labels) > 0.98
