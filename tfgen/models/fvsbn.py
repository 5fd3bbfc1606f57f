"""Fully visible sigmoid belief network: one logistic regression for each pixel on those before it.

R. M. Neal. Connectionist Learning of Belief Networks. Artificial Intelligence 56, 1992.
https://doi.org/10.1016/0004-3702(92)90065-6
B. J. Frey. Graphical Models for Machine Learning and Digital Communication. MIT Press, 1998.

    p(x) = prod_i p(x_i | x_<i)
    p(x_i = 1 | x_<i) = sigmoid(b_i + sum_{j < i} W_ij x_j)         Frey, section 3.3.4

Every other autoregressive model grows from this one: it puts a network in the place of the sum.

Shapes: x [B, H, W, C], as D = H W C numbers;  b [D, n];  W [D, D, n], zero where j >= i.

Departures from the paper: for more than two levels the sum gives each pixel the n parameters of the
likelihood that fits, for few levels a softmax regression. Adam, on W D / 64: it moves each weight
by its rate, and so a sum of D pixels by up to D times that; a rate that suits 8x8 pixels would be
too high for more.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.autoregression import Autoregression, place

if TYPE_CHECKING:
    from tfgen.autoregression import State


@keras.saving.register_keras_serializable("tfgen")
class FVSBN(Autoregression):
    """A fully visible sigmoid belief network; its likelihood is exact.

    Args: see `Autoregression`.
    """

    paper = ("Neal 1992", "https://doi.org/10.1016/0004-3702(92)90065-6")

    def __init__(
        self, image_shape: Sequence[int], levels: int, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        d, n = math.prod(self.image_shape), self.p.parameters
        # The sum over j comes first, as matrix products like it: W[j, i], kept times D / 64.
        self.unit = 64.0 / d
        self.W = self.add_weight(name="W", shape=(d, d, n), initializer="zeros")
        self.b = self.add_weight(name="b", shape=(d, n), initializer="zeros")
        self.before = np.triu(np.ones((d, d), np.float32), 1)[..., None]  # j < i

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"p": [self.W, self.b]}

    def idle(self) -> int:
        return int(np.sum(self.before == 0)) * self.p.parameters

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        d, n = self.b.shape
        x, W = tf.reshape(x, [-1, d]), tf.reshape(self.W * self.before, [d, d * n])
        of_products = self.compute_dtype
        sums = tf.matmul(tf.cast(x * self.unit, of_products), tf.cast(W, of_products))
        h, w, c = self.image_shape
        return tf.cast(tf.reshape(sums, [-1, h, w, c * n]), tf.float32) + tf.reshape(
            self.b, [h, w, c * n]
        )

    # --- sampling: the sums so far, [B, D, n] ----------------------------------------------------

    def begin(self, rows: tf.Tensor, label: tf.Tensor | None = None) -> "State":
        return (tf.tile(self.b[None], [rows, 1, 1]),)

    def next_one(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int
    ) -> "tuple[tf.Tensor, State]":
        return tf.gather(state[0], place(self.image_shape, y, x, channel), axis=1), state

    def observe(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int, value: tf.Tensor
    ) -> "State":
        # What comes before i takes its share too, and is not asked again.
        column = self.unit * tf.gather(self.W, place(self.image_shape, y, x, channel))
        return (state[0] + value[:, None, None] * column,)
