"""A step that several workers share, as Keras' `fit` calls it.

Keras 3.15 trains nothing under `MultiWorkerMirroredStrategy` by itself: its train function reduces
scalars over an axis that they do not have, and before that `fit` takes a mean over the workers of
the first batch, which fails for a dict. Its loop does run with a train function of ours that takes
the batches itself; what `fit` is given are the numbers of the steps.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen import data

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.training.compilation import TrainFunction
    from tfgen.training.hosts import Alone, Hosts


def batches(
    model: "GenerativeModel",
    training: "ImageData",
    order: tuple[int, int, int, bool],
    team: "Alone | Hosts",
) -> "tf.distribute.DistributedDataset":
    """What `fit` is given; the model takes this worker's rows of each batch.

    order: batch size, seed, first step and flip, of `data.batches`.
    """
    strategy = model.distribute_strategy
    own = data.batches(training, *order, share=(team.index, team.count))
    rows = order[0] // strategy.num_replicas_in_sync
    shares = strategy.distribute_datasets_from_function(
        lambda _: own.rebatch(rows, drop_remainder=True)
    )
    model.steps_on_device = functools.partial(train_function, shares=shares)
    return strategy.distribute_datasets_from_function(
        lambda _: tf.data.Dataset.range(order[2], tf.int64.max)
    )


def train_function(
    model: "GenerativeModel", shares: "tf.distribute.DistributedDataset"
) -> "TrainFunction":
    """A step of all workers -> the terms, means over all rows.

    shares: of the batches, this worker's, from the step on that `fit` begins with.
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
