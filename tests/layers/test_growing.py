"""Layers of a network that grows: their scale, and what they do to images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.arrays import noise
from tfgen.layers import growing


@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_equalised_layers_keep_the_scale(gain):
    """Of inputs of variance 1 they make outputs of variance gain^2, whatever their number."""
    keras.utils.set_random_seed(0)
    for layer, shape in (
        (growing.EqualisedDense(400, gain=gain), (50, 300)),
        (growing.EqualisedConv2D(200, 3, gain=gain), (4, 16, 16, 60)),
    ):
        layer.build((None, *shape[1:]))
        y = layer(noise(shape)).numpy()
        y = y[:, 1:-1, 1:-1] if y.ndim == 4 else y
        np.testing.assert_allclose(y.var(), gain**2, rtol=0.05)
        # What is learned is of one scale in all layers.
        np.testing.assert_allclose(layer.kernel.numpy().std(), 1.0, rtol=0.05)


def test_pixel_norm():
    x = noise((3, 4, 4, 7)) * 9
    y = growing.pixel_norm(x).numpy()
    np.testing.assert_allclose((y**2).mean(axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(y, x / np.sqrt((x**2).mean(axis=-1, keepdims=True)), rtol=1e-5)


def test_up_and_down():
    x = np.arange(4.0, dtype=np.float32).reshape(1, 2, 2, 1)
    rows = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert np.array_equal(growing.up(x)[0, :, :, 0], rows)
    assert np.array_equal(growing.down(growing.up(x)), x)
    assert float(tf.squeeze(growing.down(x))) == 1.5
    assert growing.up(x, 3).shape == (1, 16, 16, 1)


@pytest.mark.parametrize("rows", [8, 6])
def test_the_deviation_of_groups(rows):
    x = noise((rows, 4, 4, 3))
    y = growing.with_deviation(x).numpy()
    assert np.array_equal(y[..., :3], x)
    size = 4 if rows == 8 else 6
    for i in range(rows):
        group = x[i // size * size :][:size]
        np.testing.assert_allclose(y[i, :, :, 3], group.std(axis=0).mean(), rtol=1e-5)
