"""Neural autoregressive distribution estimator: a hidden layer for each pixel, its weights shared.

H. Larochelle and I. Murray. The Neural Autoregressive Distribution Estimator. AISTATS 2011.
https://proceedings.mlr.press/v15/larochelle11a.html

    a_1 = c,   a_{i+1} = a_i + W_i x_i                              algorithm 1
    h_i = sigmoid(a_i)                                              equation 10
    p(x_i = 1 | x_<i) = sigmoid(b_i + V_i h_i)                      equation 9

The hidden layers of neighbouring pixels differ by one term, so that all D of them cost no more than
one layer of an autoencoder.

Shapes: x [B, H, W, C], as D = H W C numbers;  W [D, N];  a, h [D, B, N];  V [D, N, n];  b [D, n].

Departures from the paper: more than two levels by the likelihood that fits, with n parameters a
pixel; `dropout` of hidden units. Adam.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.autoregression import Autoregression, place
from tfgen.declared import Count, Share
from tfgen.layers import Dropout

if TYPE_CHECKING:
    from tfgen.autoregression import State


# Pixels whose terms are summed by one product; the sums before them are carried along.
BLOCK = 16


def sums_before(x: tf.Tensor, W: tf.Tensor) -> tf.Tensor:
    """sum_{j < i} x_j W_j for all i: [B, D], [D, N] -> [D, B, N].

    In blocks of S pixels, each a product with x under a triangular mask: S N multiplications a
    pixel and image, which cost less than the terms themselves, [D, B, N], written and summed.
    """
    d, units = W.shape
    blocks = -(-d // BLOCK)
    rest = blocks * BLOCK - d
    W = tf.reshape(tf.pad(tf.convert_to_tensor(W), [[0, rest], [0, 0]]), [blocks, BLOCK, units])
    x = tf.reshape(tf.pad(x, [[0, 0], [0, rest]]), [-1, blocks, BLOCK])
    x = tf.transpose(x, [1, 0, 2])  # [K, B, S]
    before = tf.cumsum(tf.matmul(x, W), axis=0, exclusive=True)  # of whole blocks, [K, B, N]
    mask = tf.constant(np.tril(np.ones([BLOCK, BLOCK]), -1), x.dtype)  # [i, j]: 1 where j < i
    masked = tf.reshape(x[:, None] * mask[:, None], [blocks, -1, BLOCK])  # [K, S B, S]
    within = tf.reshape(tf.matmul(masked, W), [blocks, BLOCK, -1, units])
    return tf.reshape(within + before[:, None], [blocks * BLOCK, -1, units])[:d]


@keras.saving.register_keras_serializable("tfgen")
class NADE(Autoregression):
    """A neural autoregressive distribution estimator; its likelihood is exact.

    Args:
      hidden: N, hidden units.
      dropout: share of hidden units dropped in training.
      others: see `Autoregression`.
    """

    paper = ("Larochelle and Murray 2011", "https://proceedings.mlr.press/v15/larochelle11a.html")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        hidden: Count = 500,
        dropout: Share = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.hidden = hidden
        self.dropout = dropout
        d, n = math.prod(self.image_shape), self.p.parameters
        self.W = self.add_weight(name="W", shape=(d, hidden), initializer=_small())
        self.c = self.add_weight(name="c", shape=(hidden,), initializer="zeros")
        self.V = self.add_weight(name="V", shape=(d, hidden, n), initializer=_small())
        self.b = self.add_weight(name="b", shape=(d, n), initializer="zeros")
        self.drop = Dropout(dropout, "hidden", self.dropout_masks)
        self.drop.build((hidden,))

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"p": [self.W, self.c, self.V, self.b]}

    def idle(self) -> int:
        """The weights from the last pixel, which nothing follows."""
        return self.hidden

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        h, w, c = self.image_shape
        d, n = self.b.shape
        a = self.c + sums_before(tf.reshape(x, [-1, d]), self.W)
        # Of an image, and so the same at all its pixels.
        kept = self.drop(tf.ones_like(a[0]), training=training)
        units = tf.cast(tf.sigmoid(a), kept.dtype) * kept
        # A product for each pixel: [D, B, N] x [D, N, n].
        outputs = tf.cast(tf.matmul(units, tf.cast(self.V, units.dtype)), tf.float32)
        outputs += self.b[:, None]
        return tf.reshape(tf.transpose(outputs, [1, 0, 2]), [-1, h, w, c * n])

    # --- sampling: the running activations a_i, [B, N] -------------------------------------------

    def begin(self, rows: tf.Tensor, label: tf.Tensor | None = None) -> "State":
        return (tf.tile(self.c[None], [rows, 1]),)

    def next_one(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int
    ) -> "tuple[tf.Tensor, State]":
        i = place(self.image_shape, y, x, channel)
        parameters = tf.matmul(tf.sigmoid(state[0]), tf.gather(self.V, i))
        return parameters + tf.gather(self.b, i), state

    def observe(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int, value: tf.Tensor
    ) -> "State":
        row = tf.gather(self.W, place(self.image_shape, y, x, channel))
        return (state[0] + value[:, None] * row,)


def _small() -> keras.initializers.Initializer:
    # An instance for each weight: Keras gives two weights of one instance the same numbers.
    return keras.initializers.RandomNormal(stddev=0.05)
