"""A residual block that many threads run at once, as a server does."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.support import graphs
from tfgen.compiling import compiled
from tfgen.layers.residual import Residual


def block(add):
    x = layers.Input((6, 6, 4))
    return keras.Model(x, add([x, layers.Conv2D(4, 3, padding="same")(x)]))


def fused(add):
    _, seen = graphs.optimized(compiled(block(add)), tf.ones([1, 6, 6, 4]))
    return [name for _, after in seen for name in graphs.fused_sums(after)]


def test_its_sum_is_not_fused():
    # In this form TensorFlow 2.20 and 2.21 give wrong sums in threads, or end the process.
    assert len(fused(layers.Add())) == 1
    assert fused(Residual()) == []


def test_threads_get_what_one_gets():
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 4)).astype(np.float32)
    net = compiled(block(Residual()))
    expected = net(x).numpy()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: net(x).numpy(), range(2000)))
    np.testing.assert_array_equal(found, np.broadcast_to(expected, [2000, *expected.shape]))


def test_it_is_a_sum():
    x, h = np.float32([[1.5, -2.0]]), np.float32([[0.25, 3.0]])
    np.testing.assert_array_equal(Residual()([x, h]), x + h)
