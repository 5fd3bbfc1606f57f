"""Spectral normalisation against SVD."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.objectives import penalties


def test_spectral_layers_have_the_norm_that_svd_finds():
    from tfgen.layers.spectral import SpectralConv2D, SpectralDense

    for layer, shape in (
        (SpectralDense(7), (None, 5)),
        (SpectralConv2D(6, 3, 2, "same"), (None, 8, 8, 2)),
    ):
        layer.build(shape)
        layer.kernel.assign(3.0 * np.random.default_rng(0).normal(size=layer.kernel.shape))
        for _ in range(60):
            W = layer.normalised(training=True)
        matrix = np.asarray(W).reshape(-1, W.shape[-1])
        assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-4)
        # And so sigma is the largest singular value of the kernel itself.
        kernel = layer.kernel.numpy().reshape(matrix.shape)
        sigma = np.linalg.svd(kernel, compute_uv=False)[0]
        np.testing.assert_allclose(matrix, kernel / sigma, atol=1e-4)


def test_a_spectral_discriminator_is_lipschitz():
    """The slope of a dense D of leaky rectifiers is at most 1 everywhere."""
    row = Row("sngan", dict(width=16, depth=2, latent_dim=3, network="dense"), 0)
    model = row.build()
    step = compiled(model.train_step)
    for i in range(60):
        step(row.batch(16, seed=i))
    x = tf.constant(np.random.default_rng(0).normal(size=(200, 8, 8, 1)).astype("f"))
    norms = penalties.norm_of_gradient(lambda v: model.score(v)[:, 0], x)
    assert float(tf.reduce_max(norms)) <= 1.02
    assert float(tf.reduce_max(norms)) > 0.1


def test_power_iterations_gradient_is_that_of_the_norm():
    """Equation 10: d sigma / dW is the outer product of the first singular vectors."""
    from tfgen.layers.spectral import power_iteration

    W = tf.constant(np.random.default_rng(0).normal(size=(5, 4)).astype("f"))
    u = tf.ones(4)
    for _ in range(200):
        u, _ = power_iteration(W, u)
    with tf.GradientTape() as tape:
        tape.watch(W)
        _, sigma = power_iteration(W, u)
    left, _, right = np.linalg.svd(W.numpy())
    np.testing.assert_allclose(tape.gradient(sigma, W), np.outer(left[:, 0], right[0]), atol=1e-4)
