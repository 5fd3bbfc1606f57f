"""The sum at the end of a residual block, in words that TensorFlow leaves alone."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("tfgen")
class Residual(layers.Layer):
    """[x, h] -> x + h.

    On CPUs TensorFlow fuses a convolution, its bias and a sum into one oneDNN kernel. Where x is
    also read elsewhere, as in a residual block it is, the kernel keeps a copy in a place of its
    own, which every thread that runs the graph writes to: two requests to a server, or two turns
    of a loop at once, give wrong images or end the process (TensorFlow 2.20 and 2.21). A sum
    of rows is not fused, and reshaping copies nothing.
    """

    def call(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        x, h = parts
        row = [-1, math.prod(x.shape[1:])]
        return tf.reshape(tf.reshape(x, row) + tf.reshape(h, row), [-1, *x.shape[1:]])

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0]
