"""What is particular to the DCGAN: its guidelines, its alternating step, its average."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.zoo import Row
from tfgen import random
from tfgen.layers.leaky import LeakyReLU
from tfgen.objectives import adversarial

SIZES = dict(latent_dim=6, width=4, depth=2, kernel=4)


def build(**arguments):
    return Row("dcgan", SIZES | arguments, 0).build()


def test_figure_1_of_the_paper():
    model = Row("dcgan", {}, 0, (64, 64, 3), 256).build()
    shapes = [
        layer.output.shape[1:]
        for layer in model.G.layers
        if isinstance(layer, layers.Conv2DTranspose)
    ]
    assert model.G.layers[2].output.shape[1:] == (4, 4, 1024)
    assert shapes == [(8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]
    convolutions = [layer for layer in model.D.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.output.shape[1] for layer in convolutions] == [32, 16, 8, 4]


def test_the_guidelines():
    model = build()
    G, D = model.G.layers[1:], model.D.layers[1:]  # without their inputs
    kinds_G, kinds_D = [type(layer) for layer in G], [type(layer) for layer in D]
    # Batch normalisation in both, but not on G's output and D's input; no pooling; no hidden dense.
    assert kinds_G[-1] is layers.Conv2DTranspose
    assert kinds_D[1] is LeakyReLU
    assert kinds_G.count(layers.BatchNormalization) == 2
    assert kinds_D.count(layers.BatchNormalization) == 1
    assert kinds_G.count(layers.Dense) == kinds_D.count(layers.Dense) == 1
    assert G[-1].activation is keras.activations.tanh
    assert all(layer.negative_slope == 0.2 for layer in D if isinstance(layer, layers.LeakyReLU))
    assert all(layer.strides == (2, 2) for layer in G + D if hasattr(layer, "strides"))


def test_weights_start_at_a_normal_of_0_02():
    model = build(width=32, latent_dim=100)
    for network in (model.G, model.D):
        kernels = np.concatenate([w.numpy().ravel() for w in network.weights if "kernel" in w.path])
        assert abs(kernels.mean()) < 0.001
        assert kernels.std() == pytest.approx(0.02, rel=0.03)


def losses_and_gradients(model, batch):
    """One step written out with separate tapes: (d_loss, dD, then after D's update g_loss, dG)."""
    x = batch["image"].astype(np.float32) / 16 * 2 - 1
    seeds = random.training_seeds(model.seed, model.step, len(x))
    z = model.noise(seeds)["z"]
    fake = model.G(z, training=True)
    with tf.GradientTape() as tape:
        D_x, D_fake = model.D(x, training=True), model.D(fake, training=True)
        d_loss = tf.reduce_mean(adversarial.minimax_d(D_x, D_fake))
    dD = tape.gradient(d_loss, model.D.trainable_variables)
    model.optimizers["D"].apply(dD, model.D.trainable_variables)
    with tf.GradientTape() as tape:
        D_G = model.D(model.G(z, training=True), training=True)
        g_loss = tf.reduce_mean(adversarial.nll_real(D_G))
    dG = tape.gradient(g_loss, model.G.trainable_variables)
    model.optimizers["G"].apply(dG, model.G.trainable_variables)
    return float(d_loss), float(g_loss)


def test_the_shared_pass_gives_the_gradients_of_two_passes():
    """One pass of G serves both updates, and D's update leaves the tape of G as it was."""
    row = Row("dcgan", SIZES, 0)
    model, reference = row.build(), row.build()
    batch = row.batch()
    terms = model.train_step(batch)
    d_loss, g_loss = losses_and_gradients(reference, batch)
    assert float(terms["d_loss"]) == pytest.approx(d_loss, rel=1e-5)
    assert float(terms["g_loss"]) == pytest.approx(g_loss, rel=1e-5)
    for a, b in zip(model.trainable_variables, reference.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6, err_msg=a.path)


def test_fresh_noise_changes_the_generators_update_only():
    row = Row("dcgan", SIZES, 0)
    model, fresh = row.build(), Row("dcgan", SIZES | {"fresh_noise": True}, 0).build()
    a, b = model.train_step(row.batch()), fresh.train_step(row.batch())
    assert float(a["d_loss"]) == float(b["d_loss"])
    assert float(a["g_loss"]) != float(b["g_loss"])
    for x, y in zip(model.D.trainable_variables, fresh.D.trainable_variables, strict=True):
        assert np.array_equal(x, y)


def test_an_undecided_discriminator_at_birth():
    """Weights of 0.02 leave D's logits near zero: d_loss near 2 log 2, g_loss near log 2."""
    terms = build(width=16).train_step(Row("dcgan", SIZES, 0).batch(64))
    assert float(terms["d_loss"]) == pytest.approx(2 * np.log(2), abs=0.25)
    assert float(terms["D_real"]) == pytest.approx(0.5, abs=0.1)


def test_the_average_is_the_recursion_and_samples_come_from_it():
    row = Row("dcgan", SIZES | {"ema": 0.5}, 0)
    model = row.build()
    expected = [w.numpy() for w in model.G.weights]
    for t in range(6):
        model.train_step(row.batch(seed=t))
        decay = min(0.5, (1 + t) / (10 + t))
        now = [w.numpy() for w in model.G.weights]
        expected = [decay * e + (1 - decay) * n for e, n in zip(expected, now, strict=True)]
    for average, e in zip(model.G_average.weights, expected, strict=True):
        np.testing.assert_allclose(average, e, rtol=1e-5, atol=1e-7)
    z = model.noise(tf.range(3))
    assert np.array_equal(model.generate(z), (model.G_average(z["z"], training=False) + 1) / 2)


def test_latents_are_uniform_in_the_cube():
    z = build().noise(tf.range(4000))["z"].numpy()
    assert z.min() > -1
    assert z.max() < 1
    assert np.var(z) == pytest.approx(1 / 3, rel=0.03)
