"""Dropout whose mask is a function of (seed, step, row), as all noise of the zoo is."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfgen import random


class Dropout(keras.layers.Layer):
    """Drops whole channels of a row in training:  [B, ..., C] -> the same shape.

    Srivastava et al., JMLR 2014; for feature maps, Tompson et al., CVPR 2015 ("SpatialDropout"):
    neighbouring pixels are alike, and a dropped pixel is filled in by them.

    Keras' own layer keeps its seed in a variable that no weight file saves, and gives every replica
    the same mask; with this one a resumed run and a run on N replicas see the masks they should.

    Args:
      rate: share of channels dropped, in [0, 1).
      stream: a name, unique within the model: layers of one stream share their masks.
      seeds: the model's `training_seeds`: rows [B, ...] -> int32 [B].
    """

    def __init__(
        self, rate: float, stream: str, seeds: Callable[[tf.Tensor], tf.Tensor], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.stream = stream
        self.seeds = seeds
        self.built = True  # nothing to build; Keras would otherwise build the model by a call

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return x
        u = random.uniform(self.seeds(x), [x.shape[-1]], self.stream)
        kept = tf.cast(u >= self.rate, x.dtype) / (1.0 - self.rate)
        return x * tf.reshape(kept, [-1, *[1] * (len(x.shape) - 2), x.shape[-1]])
