"""Adam in one op against Keras' own."""

import keras
import numpy as np
import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.training import optimizers


def descended(kind, start, gradients):
    """Where a weight ends that the optimizer moves along given gradients."""
    weight = keras.Variable(start)
    rates = keras.optimizers.schedules.CosineDecay(0.1, len(gradients))
    optimizer = kind(rates, beta_1=0.5, beta_2=0.9)
    optimizer.build([weight])

    @compiled
    def step(gradient):
        optimizer.apply([gradient], [weight])

    for gradient in gradients:
        step(tf.constant(gradient))
    return weight.numpy()


def test_adam_is_the_adam_of_keras():
    """Of several replicas too: `tests/test_replicas.py` holds updates of all models to one's."""
    start, rng = np.float32([[1.0, -2.0], [3.0, 0.5]]), np.random.default_rng(0)
    gradients = rng.normal(size=(20, 2, 2)) * 10.0 ** rng.integers(-6, 3, (20, 2, 2))
    own, theirs = (
        descended(kind, start, gradients.astype("f"))
        for kind in (optimizers.Adam, keras.optimizers.Adam)
    )
    assert np.abs(own - start).min() > 1e-3
    np.testing.assert_allclose(own, theirs, rtol=2e-6)


def test_adam_takes_the_gradient_of_looked_up_rows():
    """As if it were dense; Keras' squares the parts of a row that is looked up twice one by one."""
    found = []
    for dense in (True, False):
        table = keras.Variable(np.arange(8, dtype="f").reshape(4, 2))
        optimizer = optimizers.Adam(0.1)
        optimizer.build([table])
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(tf.gather(table.value, [1, 1, 3])))
            gradient = tape.gradient(loss, table.value)
            assert isinstance(gradient, tf.IndexedSlices)
            optimizer.apply([tf.convert_to_tensor(gradient) if dense else gradient], [table])
        found.append(table.numpy())
    np.testing.assert_array_equal(*found)
