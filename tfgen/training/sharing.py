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


def batches(
    model: "GenerativeModel", own: tf.data.Dataset, batch_size: int
) -> "tf.distribute.DistributedDataset":
    """What `fit` is given, endless; the model takes what it trains on from `own`.

    own: this worker's rows of each batch; batch_size: of all workers.
    """
    strategy = model.distribute_strategy
    rows = batch_size // strategy.num_replicas_in_sync
    shares = strategy.distribute_datasets_from_function(
        lambda _: own.rebatch(rows, drop_remainder=True)
    )
    model.steps_on_device = functools.partial(train_function, shares=shares)
    numbers = tf.data.Dataset.range(tf.int64.max).with_options(pipeline.options())
    return strategy.distribute_datasets_from_function(lambda _: numbers)


def train_function(
    model: "GenerativeModel", shares: "tf.distribute.DistributedDataset"
) -> "TrainFunction":
    """A step of all workers -> the terms, means over all rows.

    shares: this worker's rows of each batch, from the step on that `fit` begins with.
    """
    strategy, each = model.distribute_strategy, iter(shares)

    @tf.function(autograph=False)
    def step(batch: Any) -> tf.Tensor:
        def on_each(batch: dict[str, tf.Tensor]) -> tf.Tensor:
            terms = model.train_step(batch)
            return tf.stack([tf.cast(term, tf.float32) for term in terms.values()])

        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(on_each, (batch,)), None)

    def train(steps: Any) -> Mapping[str, tf.Tensor]:
        next(steps)
        return dict(zip(model.terms, tf.unstack(step(next(each))), strict=True))

    return train
