"""Dropout whose mask is a function of (seed, step, row), as all noise of the zoo is."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import parts, random


class Masks:
    """What the dropout layers of a model draw: uniforms of (seed, step, row) and a stream.

    A draw is some ninety small ops, and a network has a draw for each layer: op by op a GPU would
    launch more of them than of all else. So a graph has one of all layers that were built before,
    in which each stream has the numbers that it would have alone.
    """

    def __init__(self, seeds: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """seeds: the model's `training_seeds`: rows [B, ...] -> int32 [B]."""
        self.seeds = seeds
        self.sizes: dict[str, int] = {}

    def uniform(self, rows: tf.Tensor, stream: str) -> tf.Tensor:
        """rows [B, ...] -> float32 [B, the stream's size]."""
        if tf.executing_eagerly() or rows.shape[0] is None:
            return random.uniform(self.seeds(rows), [self.sizes[stream]], stream)
        drawn = self._of_graph().setdefault(_where(rows), {})
        if stream not in drawn:
            missing = {name: n for name, n in self.sizes.items() if name not in drawn}
            drawn |= random.uniforms(self.seeds(rows), missing)
        return drawn[stream]

    def end_step(self) -> None:
        """What the rest of a graph draws is of another step."""
        if not tf.executing_eagerly():
            self._of_graph().clear()

    def _of_graph(self) -> dict[Hashable, dict[str, tf.Tensor]]:
        """What this graph has drawn; one within it, of a branch or a loop, draws for itself."""
        graph = tf.compat.v1.get_default_graph()
        if not hasattr(graph, "tfgen_masks"):
            graph.tfgen_masks = {}
        return graph.tfgen_masks.setdefault(id(self), {})


def _where(rows: tf.Tensor) -> Hashable:
    """Where in a step the rows of a batch are: of which replica and part, and how many."""
    return tf.distribute.get_replica_context(), parts.now(), rows.shape[0]


class Dropout(keras.layers.Layer):
    """Drops whole channels of a row in training:  [B, ..., C] -> the same shape.

    Srivastava et al., JMLR 2014; for feature maps, Tompson et al., CVPR 2015 ("SpatialDropout"):
    neighbouring pixels are alike, and a dropped pixel is filled in by them.

    Keras' own layer keeps its seed in a variable that no weight file saves, and gives every replica
    the same mask; with this one a resumed run and a run on N replicas see the masks they should.

    Args:
      rate: share of channels dropped, in [0, 1).
      stream: a name, unique within the model: layers of one stream share their masks.
      masks: the model's.
    """

    def __init__(self, rate: float, stream: str, masks: Masks, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.stream = stream
        self.masks = masks

    def build(self, input_shape: Sequence[int]) -> None:
        """Says how many channels there are, before a graph draws for all layers that have."""
        if self.rate:
            self.masks.sizes[self.stream] = input_shape[-1]
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return x
        kept = self.masks.uniform(x, self.stream) >= self.rate
        kept = tf.cast(kept, x.dtype) / (1.0 - self.rate)
        return x * tf.reshape(kept, [-1, *[1] * (len(x.shape) - 2), x.shape[-1]])
