"""A step that several workers share, as Keras' `fit` calls it.

Keras 3.15 trains nothing under `MultiWorkerMirroredStrategy` by itself: its train function reduces
scalars over an axis that they do not have, and before that `fit` takes a mean over the workers of
the first batch, which fails for a dict. Its loop does run with a train function of ours that takes
the batches itself; what `fit` is given are numbers that nobody reads.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.data import pipeline

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel
    from tfgen.training.compilation import TrainFunction


def batches(model: "GenerativeModel", own: tf.data.Dataset) -> tf.data.Dataset:
    """What `fit` is given, endless; the model takes what it trains on from `own`.

    own: this worker's rows of each batch.
    """
    strategy = model.distribute_strategy
    model.steps_on_device = functools.partial(train_function, own=own, strategy=strategy)
    return tf.data.Dataset.range(tf.int64.max).with_options(pipeline.options())


def train_function(
    model: "GenerativeModel", own: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> "TrainFunction":
    """A step of all workers -> the terms, means over all rows.

    own: this worker's rows of each batch, from the step on that `fit` begins with.
    """
    each = iter(own)
    replicas = len(strategy.extended.worker_devices)  # of this worker

    @tf.function(autograph=False)
    def step(batch: Any) -> tf.Tensor:
        def on_each(batch: dict[str, tf.Tensor]) -> tf.Tensor:
            terms = model.train_step(batch)
            return tf.stack([tf.cast(term, tf.float32) for term in terms.values()])

        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(on_each, (batch,)), None)

    def part(rows: tf.Tensor) -> Any:
        """Of this worker's rows those of each of its replicas."""
        parts = tf.split(rows, replicas)
        return strategy.experimental_distribute_values_from_function(
            lambda of: parts[of.replica_id_in_sync_group % replicas]
        )

    def train(steps: Any) -> Mapping[str, tf.Tensor]:
        next(steps)
        batch = {key: part(rows) for key, rows in next(each).items()}
        return dict(zip(model.terms, tf.unstack(step(batch)), strict=True))

    return train
