"""What a replica may know of the others: objectives that couple the images of a batch need it.

A discriminator's loss is a mean over images, and N replicas that each descend on the mean of their
own rows do what one device does. An estimate of a density from a batch, or a kernel distance
between batches, is no such mean: there every replica takes the rows of all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from tfgen import parts
from tfgen.errors import UserError

if TYPE_CHECKING:
    import keras


def all_rows(x: tf.Tensor, what: str = "what it descends on") -> tf.Tensor:
    """The global batch: this replica's [b, ...] -> [N * b, ...], by order of replicas.

    Gradients go back to the replica that each row came from.

    Raises: UserError with `what` needs all rows, in a step that takes its batch in parts.
    """
    _, k = parts.now()
    if k > 1:
        raise UserError(
            f"`accumulate={k}` takes a batch in parts, and {what} is of all its images together: "
            "set `accumulate=1`."
        )
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_gather(x, axis=0)


def own_rows(x: tf.Tensor) -> tf.Tensor:
    """This replica's part of what `all_rows` gave: [N * b, ...] -> [b, ...]."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    rows = tf.shape(x)[0] // context.num_replicas_in_sync
    first = tf.cast(context.replica_id_in_sync_group, tf.int32) * rows
    return x[first : first + rows]


def clipped(gradients: Sequence[tf.Tensor | None], norm: float) -> list[tf.Tensor | None]:
    """This replica's part of a gradient whose norm, of the sum over replicas, is at most `norm`.

    gradients: this replica's part, of each variable; None where there is none.
    """
    found = [gradient for gradient in gradients if gradient is not None]
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        found = context.all_reduce(tf.distribute.ReduceOp.SUM, found)
    share = norm / tf.maximum(tf.linalg.global_norm(found), norm)
    return [None if g is None else g * tf.cast(share, g.dtype) for g in gradients]


def put_back_unless(
    condition: tf.Tensor, variables: "Sequence[keras.Variable]", values: Sequence[tf.Tensor]
) -> None:
    """What a step has changed becomes `values`, as they were before, unless the condition holds.

    condition: a bool that is the same on all replicas; variables of Keras, of optimizers among
    them, with values as each replica has them. An optimizer cannot be applied under `tf.cond` on
    several replicas, and gradients of zero still move weights that have momentum.
    """

    def choose(variable: tf.Variable, value: tf.Tensor) -> None:
        variable.assign(tf.where(condition, variable, value))

    def on_each(strategy: tf.distribute.Strategy, values: Sequence[tf.Tensor]) -> None:
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable.value, choose, args=(value,), group=False)

    tf.distribute.get_replica_context().merge_call(on_each, args=(values,))
