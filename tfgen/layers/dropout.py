"""Dropout whose mask is a function of (seed, step, row), as all noise of the zoo is."""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import keras
import tensorflow as tf

from tfgen import parts, random

# What the step that is traced has drawn, of each thread: replicas are traced in their own.
_here = threading.local()

Step = TypeVar("Step", bound=Callable[..., Any])


def drawing_once(train_step: Step) -> Step:
    """A `train_step` in whose graph the dropout layers of a model draw together.

    One that does so already, of a class that takes another's by its name, is the same function.
    """
    if hasattr(train_step, "draws_once"):
        return train_step

    @functools.wraps(train_step)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before = getattr(_here, "drawn", None)
        _here.drawn = {} if before is None else before  # a step may call that of its base
        try:
            return train_step(*args, **kwargs)
        finally:
            _here.drawn = before

    wrapped.draws_once = True  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


class Masks:
    """What the dropout layers of a model draw: uniforms of (seed, step, row) and a stream.

    A draw is some ninety small ops, and a network has a draw for each layer: op by op a GPU would
    launch more of them than of all else. So the graph of a `train_step` has one of all layers that
    were built before, in which each stream has the numbers that it would have alone.
    """

    def __init__(self, seeds: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """seeds: the model's `training_seeds`: rows [B, ...] -> int32 [B]."""
        self.seeds = seeds
        self.sizes: dict[str, int] = {}

    def uniform(self, rows: tf.Tensor, stream: str) -> tf.Tensor:
        """Of each channel: rows [B, ..., C] -> float32 [B, C]."""
        count, channels = rows.shape[0], rows.shape[-1]
        drawn = getattr(_here, "drawn", None)
        known = count is not None and self.sizes.get(stream) == channels
        if drawn is None or not known or tf.executing_eagerly():
            return random.uniform(self.seeds(rows), [channels], stream)
        # A graph within, of a branch or a loop, draws for itself: what it makes stays there.
        graph = tf.compat.v1.get_default_graph()
        found = drawn.setdefault((id(self), graph, parts.now(), count), {})
        if stream not in found:
            missing = {name: n for name, n in self.sizes.items() if name not in found}
            found |= random.uniforms(self.seeds(rows), missing)
        return found[stream]


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
