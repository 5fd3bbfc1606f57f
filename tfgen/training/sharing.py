"""A step that several workers share, or replicas whose parts of it are compiled, for Keras' `fit`.

Keras 3.15 trains nothing under `MultiWorkerMirroredStrategy` by itself: its train function reduces
scalars over an axis that they do not have, and before that `fit` takes a mean over the workers of
the first batch, which fails for a dict. Its loop does run with a train function of ours that takes
the batches itself; what `fit` is given are numbers that nobody reads. Nor can a train function of
Keras be told what to compile of a step.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.data import pipeline
from tfgen.training import compilation

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel

Say = Callable[[str], None]


def batches(
    model: "GenerativeModel", own: tf.data.Dataset, how: str = "none", say: Say | None = None
) -> tf.data.Dataset:
    """What `fit` is given, endless; the model takes what it trains on from `own`.

    own: this worker's rows of each batch; how: what XLA compiles of what each replica does by
    itself, see `compilation.marked`; say: what is told if it cannot.
    """
    strategy = model.distribute_strategy
    # Once, for a model that grows makes a train function for each of its sizes.
    each = iter(own)
    model.steps_on_device = functools.partial(
        train_function, each=each, strategy=strategy, how=how, say=say
    )
    return tf.data.Dataset.range(tf.int64.max).with_options(pipeline.options())


def train_function(
    model: "GenerativeModel",
    each: Iterator[dict[str, tf.Tensor]],
    strategy: tf.distribute.Strategy,
    how: str = "none",
    say: Say | None = None,
) -> compilation.TrainFunction:
    """A step of all workers -> the terms, means over all rows.

    each: this worker's rows of each batch, from the step on that `fit` begins with.
    how, say: see `batches`.
    """
    replicas = len(strategy.extended.worker_devices)  # of this worker

    def traced(compiled: bool) -> Callable[[Any], tf.Tensor]:
        @tf.function(autograph=False)
        def step(batch: Any) -> tf.Tensor:
            def on_each(batch: dict[str, tf.Tensor]) -> tf.Tensor:
                terms = model.train_step(batch)
                return tf.stack([tf.cast(term, tf.float32) for term in terms.values()])

            with compilation.marked(how if compiled else "none"):
                found = strategy.run(on_each, (batch,))
            return strategy.reduce(tf.distribute.ReduceOp.MEAN, found, None)

        return step

    def part(rows: tf.Tensor) -> Any:
        """Of this worker's rows those of each of its replicas."""
        parts = tf.split(rows, replicas)
        return strategy.experimental_distribute_values_from_function(
            lambda of: parts[of.replica_id_in_sync_group % replicas]
        )

    step = None

    def train(steps: Any) -> Mapping[str, tf.Tensor]:
        nonlocal step
        next(steps)
        batch = {key: part(rows) for key, rows in next(each).items()}
        if step:
            found = step(batch)
        elif say:
            step, found = compilation.tried(model, traced, batch, say)
        else:
            step = traced(False)
            found = step(batch)
        return dict(zip(model.terms, tf.unstack(found), strict=True))

    return train
