"""The slope that a penalty differentiates."""

import numpy as np
import tensorflow as tf

from tfgen.layers import leaky


def test_a_leaky_slope_and_the_gradient_of_a_gradient():
    """f(x) = w . leaky(x): its gradient, and the gradient of the norm of that, by hand."""
    x = tf.Variable([[-2.0, -0.1, 0.3, 4.0]])
    w = tf.Variable([1.0, -2.0, 3.0, -4.0])
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            f = tf.reduce_sum(w * leaky.leaky_relu(x))
        gradient = inner.gradient(f, x)
        penalty = tf.reduce_sum(tf.square(gradient))
    slope = np.float32([0.2, 0.2, 1.0, 1.0])
    np.testing.assert_allclose(leaky.leaky_relu(x), x.numpy() * slope, rtol=1e-6)
    np.testing.assert_allclose(gradient[0], w.numpy() * slope, rtol=1e-6)
    np.testing.assert_allclose(outer.gradient(penalty, w), 2 * w.numpy() * slope**2, rtol=1e-6)
    # And no zeros that the rest of a network would have to be differentiated with.
    assert outer.gradient(penalty, x) is None
