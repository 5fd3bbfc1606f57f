"""Leaky ReLU for networks whose gradient is itself differentiated, as a gradient penalty does."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

SLOPE = 0.2  # below 0, of every discriminator here (Radford et al. 2016, section 3)


@tf.custom_gradient
def leaky_relu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """x where it is positive, SLOPE x elsewhere.

    Linear on either side, so that its second derivative is 0. TensorFlow's own says so with a
    tensor of zeros, which a penalty on the gradient then carries back through the whole network;
    here the slope is a constant, through which no gradient flows.
    """

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.LeakyReluGrad(
            gradients=upstream, features=tf.stop_gradient(x), alpha=SLOPE
        )

    return tf.nn.leaky_relu(x, SLOPE), gradient


@keras.saving.register_keras_serializable("tfgen")
class LeakyReLU(layers.Layer):
    def call(self, x: tf.Tensor) -> tf.Tensor:
        return leaky_relu(x)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape
