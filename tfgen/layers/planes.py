"""Numbers of an image beside each of its pixels, as planes, for convolutions to see.

    conv([x, planes of y], W) = conv(x, W_x) + sum_k y_k conv(1, W_k)

What a plane of ones gives, conv(1, W_k), is the same for every image: a table of all k, computed
once for a batch, in the place of K more channels of every image.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.layers import spectral


def beside(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The planes themselves: [B, H, W, C], [B, K] -> [B, H, W, C + K]."""
    h, w = x.shape[1:3]
    return tf.concat([x, y[:, None, None, :] * tf.ones([1, h, w, 1], x.dtype)], axis=-1)


def shape_beside(shapes: Sequence[Any]) -> tuple[Any, ...]:
    (*image, c), (_, k) = shapes
    return (*image, c + k)


@keras.saving.register_keras_serializable("tfgen")
class Beside(layers.Layer):
    """`beside` as a layer."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return beside(*inputs)

    def compute_output_shape(self, shapes: Sequence[Any]) -> tuple[Any, ...]:
        return shape_beside(shapes)


@keras.saving.register_keras_serializable("tfgen")
class ConvBeside(layers.Layer):
    """A convolution of images and planes: [B, H, W, C], [B, K] -> [B, H', W', F].

    Args:
      conv: a Keras convolution without activation, or a spectral one, not yet built; its kernel,
        [kh, kw, C + K, F], is as it would be for the planes themselves.
    """

    def __init__(self, conv: keras.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv = conv

    def build(self, shapes: Sequence[Any]) -> None:
        self.conv.build(shape_beside(shapes))

    def call(self, inputs: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        x, y = inputs
        normalised = isinstance(self.conv, spectral.SpectralConv2D)
        W = self.conv.normalised(training) if normalised else tf.convert_to_tensor(self.conv.kernel)
        W = tf.cast(W, x.dtype)
        of_x, of_y = tf.split(W, [x.shape[-1], y.shape[-1]], axis=2)
        seen = self.convolved(x, of_x)
        seen += tf.tensordot(tf.cast(y, x.dtype), self.table(x, of_y), 1)
        return seen + tf.cast(self.conv.bias, x.dtype) if self.conv.use_bias else seen

    def table(self, x: tf.Tensor, of_y: tf.Tensor) -> tf.Tensor:
        """What each plane gives where it is 1: kernel [kh, kw, K, F] -> [K, H', W', F]."""
        kh, kw, k, f = of_y.shape
        ones = tf.ones([1, *x.shape[1:3], 1], x.dtype)
        found = self.convolved(ones, tf.reshape(of_y, [kh, kw, 1, k * f]))
        return tf.transpose(tf.reshape(found, [*found.shape[1:3], k, f]), [2, 0, 1, 3])

    def convolved(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, kernel, self.conv.strides, self.conv.padding.upper())

    def compute_output_shape(self, shapes: Sequence[Any]) -> tuple[Any, ...]:
        return self.conv.compute_output_shape(shape_beside(shapes))

    def get_config(self) -> dict[str, Any]:
        conv = keras.saving.serialize_keras_object(self.conv)
        return super().get_config() | {"conv": conv}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConvBeside":
        return cls(**(config | {"conv": keras.saving.deserialize_keras_object(config["conv"])}))
