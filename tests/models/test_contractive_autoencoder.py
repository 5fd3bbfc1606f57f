"""The contractive autoencoder: its penalty, and what it does to codes."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled


def test_the_contractive_penalty_is_the_jacobian_by_finite_differences():
    arguments = dict(latent_dim=3, width=6, activation="sigmoid", contraction=0.7)
    model = Row("contractive_autoencoder", arguments, 0, (3, 3, 1)).build()
    x = np.random.default_rng(0).random((4, 3, 3, 1)).astype(np.float32)
    _, penalty = model.code_and_penalty(tf.constant(x), training=False)
    total, h = np.zeros(4), 1e-2
    for i in range(9):
        step = np.zeros(9, np.float32)
        step[i] = h
        ends = [model.encode(x + s * step.reshape(3, 3, 1))["mean"].numpy() for s in (1, -1)]
        total += np.sum(((ends[0] - ends[1]) / (2 * h)) ** 2, axis=1)
    np.testing.assert_allclose(penalty, 0.7 * total, rtol=2e-3)


def test_the_penalty_of_one_layer_of_sigmoids_is_the_papers_closed_form():
    """Rifai et al., equation 4: sum_j (h_j (1 - h_j))^2 sum_i W_ij^2."""
    import keras

    model = Row(
        "contractive_autoencoder", dict(latent_dim=5, contraction=1.0), 0, (3, 3, 1)
    ).build()
    w = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    layer = keras.layers.Dense(5, "sigmoid")
    model.encoder = keras.Sequential([keras.layers.Input((3, 3, 1)), keras.layers.Flatten(), layer])
    layer.set_weights([w, np.zeros(5)])
    x = np.random.default_rng(1).random((4, 3, 3, 1)).astype(np.float32)
    h, penalty = (t.numpy() for t in model.code_and_penalty(tf.constant(x), training=False))
    expected = np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=1)
    np.testing.assert_allclose(penalty, expected, rtol=1e-4)


def spread(model, images):
    """E |J|^2, and the variance of all codes together."""
    x = tf.constant((images / 16).astype(np.float32))
    z, penalty = model.code_and_penalty(x, training=False)
    return float(tf.reduce_mean(penalty)) / model.contraction, z.numpy().var(axis=0).sum()


@pytest.mark.slow
def test_no_scale_of_the_codes_lowers_the_penalty():
    """Deep Learning, section 14.7: what keeps the reconstruction keeps the Jacobian.

    A layer of ReLUs or linear units may be scaled by any factor that the next one undoes. Of the
    factors, only those that leave J as it is leave y as it is.
    """
    arguments = dict(latent_dim=3, width=6, error="squared", contraction=1.0)
    for network, shape in (("dense", (3, 3, 1)), ("conv", (4, 4, 1)), ("linear", (3, 3, 1))):
        row = Row("contractive_autoencoder", arguments | {"network": network}, 0, shape)
        images = row.batch(6)["image"]
        x = tf.constant((images / 16).astype(np.float32))
        for factor in (1.0, 0.1):
            model = row.build()
            kernels = [w for w in model.encoder.trainable_variables if "kernel" in w.path]
            before, before_z = spread(model, images)
            before_y = model.decoder(model.encoder(x)).numpy()
            kernels[-1].assign(kernels[-1] * factor)
            if len(kernels) > 1:
                kernels[0].assign(kernels[0] * 2.0)
                kernels[-1].assign(kernels[-1] / 2.0)
            after, after_z = spread(model, images)
            assert after / before == pytest.approx(factor**2, rel=1e-4), network
            assert after_z / before_z == pytest.approx(factor**2, rel=1e-4), network
            y = model.decoder(model.encoder(x)).numpy()
            np.testing.assert_allclose(y, factor**2 * before_y, rtol=1e-4, atol=1e-6)


def test_the_decoder_is_the_encoder_transposed():
    """<f(x), z> = <x, g(z)> of linear maps, whatever the layers."""
    random = np.random.default_rng(0)
    for network in ("dense", "conv", "linear"):
        arguments = dict(width=2, network=network, activation="linear", error="squared")
        model = Row("contractive_autoencoder", arguments | {"latent_dim": 3}, 0, (8, 4, 2)).build()
        x = random.normal(size=(5, 8, 4, 2)).astype(np.float32)
        z = random.normal(size=(5, 3)).astype(np.float32)
        codes, images = model.encoder(x).numpy(), model.decoder(z).numpy()
        np.testing.assert_allclose((codes * z).sum(1), (x * images).sum((1, 2, 3)), rtol=1e-4)
        assert len(model.trained()["ae"]) == len(model.trainable_variables)


def test_linear_contraction_keeps_the_directions_that_are_worth_it():
    """In closed form: s_i = 1 - lambda / (2 v_i) of a component of variance v_i, or nothing.

    min v (1 - s)^2 + lambda s over s >= 0, where s = w^2 for a tied w, and the penalty is the sum
    of lambda s. Weights that are not tied have all of the reconstruction for as little as they
    like: this is no stationary point of theirs.
    """
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(4, 4)))[0]
    x = random.normal(size=(500, 4)) * [0.12, 0.1, 0.04, 0.02] @ turn + 0.5
    x = np.clip(x, 0.0, 1.0).astype(np.float32)
    centre, (v, axes) = x.mean(axis=0), np.linalg.eigh(np.cov(x.T, bias=True))
    arguments = dict(latent_dim=4, network="linear", error="squared", contraction=0.008)
    model = Row("contractive_autoencoder", arguments, 0, (2, 2, 1)).build()
    kept = np.maximum(0.0, 1.0 - 0.008 / (2.0 * v))
    assert (kept > 0).tolist() == [False, False, True, True]

    def loss_and_gradients(scales):
        """With codes along the components, which the biases centre."""
        w = (axes * scales).astype(np.float32)
        model.encoder.set_weights([w, -centre @ w])
        model.decoder.layers[0].bias.assign(centre)
        with tf.GradientTape() as tape:
            errors = model.errors(tf.reshape(x, [-1, 2, 2, 1]), None, True)
            loss = tf.reduce_mean(errors["loss"])
        return float(loss), tape.gradient(loss, model.trained()["ae"])

    least, gradients = loss_and_gradients(np.sqrt(kept))
    assert least == pytest.approx(np.sum(v * (1 - kept) ** 2 + 0.008 * kept), rel=1e-4)
    for gradient in gradients:
        np.testing.assert_allclose(gradient, 0.0, atol=1e-5)
    for factor in (0.1, 0.9, 1.1, 10.0):
        assert loss_and_gradients(factor * np.sqrt(kept))[0] > least
    assert loss_and_gradients(np.sqrt(kept + 0.01))[0] > least


@pytest.mark.slow
def test_contraction_contracts():
    """A larger lambda, a smaller Jacobian after as many steps."""
    norms = []
    for contraction in (0.0, 1.0):
        row = Row(
            "contractive_autoencoder",
            dict(latent_dim=3, width=16, activation="sigmoid", contraction=contraction),
            0,
        )
        model = row.build()
        step = compiled(model.train_step)
        for i in range(300):
            step(row.batch(16, seed=i % 4))
        x = tf.constant((row.batch(32)["image"] / 16).astype(np.float32))
        model.contraction = 1.0
        norms.append(float(tf.reduce_mean(model.code_and_penalty(x, False)[1])))
    assert norms[1] < 0.5 * norms[0]
