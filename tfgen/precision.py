"""How precisely networks compute: in float32, or their products and activations in 16 bits.

    bfloat16   8 bits of significand, and the range of float32
    float16    11 bits of significand; nothing above 65504, nothing but 0 below 6e-8

A model whose networks compute in 16 bits is made within `computing`, by Keras' mixed policies: all
weights are float32, and so is what comes out of a network, for its last layer is (`dtype="float32"`
wherever one is made). So losses, likelihoods, penalties, noise, averages and sums are float32; and
norms take their statistics in float32.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import replicas
from tfgen.errors import UserError

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@contextlib.contextmanager
def computing(precision: str) -> Iterator[None]:
    """Layers that are made within compute in that precision, a key of `POLICIES`, ever after.

    Layers that say a dtype of their own keep it.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(serialised: Any) -> Any:
    """What Keras writes of a network, with layers that compute in float32."""
    if isinstance(serialised, dict):
        if serialised.get("class_name") == "DTypePolicy":
            name = serialised["config"]["name"]
            wanted = "float32" if name in POLICIES.values() else name
            return serialised | {"config": {"name": wanted}}
        return {key: in_float32(value) for key, value in serialised.items()}
    if isinstance(serialised, (list, tuple)):
        return type(serialised)(in_float32(value) for value in serialised)
    return serialised


def check(model: Any) -> None:
    """Raises: UserError for a network whose numbers losses would be made of in 16 bits."""
    for network in model._layers:
        for output in getattr(network, "outputs", []):
            if output.dtype in ("bfloat16", "float16"):
                raise UserError(
                    f"the network {network.name!r} of {type(model).__name__} gives {output.dtype}, "
                    'and losses are made of float32: give its last layer dtype="float32", or train '
                    "with `precision=float32`."
                )


def said(model: Any) -> str:
    """What a run says of a precision that is not float32; "" of float32."""
    if model.compute_dtype == "float32":
        return ""
    if model.always_float32:
        return (
            f"`precision={model.compute_dtype}` changes nothing: {type(model).__name__} has no "
            "network, and what it has computes in float32."
        )
    return f"Networks compute in {model.compute_dtype}; weights, losses and statistics are float32."


class LossScale:
    """What the loss of one optimizer is multiplied by, lest its gradients are 0 in float16.

    P. Micikevicius et al. Mixed Precision Training. ICLR 2018. https://arxiv.org/abs/1710.03740,
    section 3.2. The gradient is divided by it again, in float32. A step whose gradient overflows on
    any replica is skipped and counted, and the scale halved; it is doubled after `PATIENCE` steps
    without one. A power of two, so that it rounds nothing.

    It is among the optimizer's variables, which checkpoints hold and model files do not.
    """

    START, LEAST, MOST = 2.0**15, 2.0**-14, 2.0**24
    PATIENCE = 2000

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        self.optimizer = optimizer
        start = keras.initializers.Constant(self.START)
        self.scale = self._variable("loss_scale", start, "float32")
        self.row = self._variable("finite_in_a_row", "zeros", "int64")
        self.skipped = self._variable("skipped_steps", "zeros", "int64")
        self.own = (self.scale, self.row, self.skipped)

    def _variable(self, name: str, start: Any, dtype: str) -> keras.Variable:
        return self.optimizer.add_variable(
            (), start, dtype, aggregation="only_first_replica", name=name
        )

    def apply(self, gradients: Sequence[tf.Tensor | None], weights: Sequence[Any]) -> None:
        """A step by the gradients of the multiplied loss, or none if they are not finite.

        What a replica gives is its share of the gradient, as Keras' optimizers take it.
        """
        own = {id(variable) for variable in self.own}
        touched = [*weights, *(v for v in self.optimizer.variables if id(v) not in own)]
        before = [tf.convert_to_tensor(variable) for variable in touched]
        share = 1.0 / tf.convert_to_tensor(self.scale)
        # Of an embedding Keras has the rows alone.
        found = [g if g is None else tf.convert_to_tensor(g) * share for g in gradients]
        finite = _on_all_replicas(
            [tf.reduce_all(tf.math.is_finite(g)) for g in found if g is not None]
        )
        self.optimizer.apply(found, weights)
        replicas.put_back_unless(finite, touched, before)
        self._follow(finite)

    def _follow(self, finite: tf.Tensor) -> None:
        row = tf.where(finite, self.row + 1, 0)
        grown = row >= self.PATIENCE
        scale = tf.where(finite, tf.where(grown, 2.0 * self.scale, self.scale), 0.5 * self.scale)
        self.scale.assign(tf.clip_by_value(scale, self.LEAST, self.MOST))
        self.row.assign(tf.where(grown, tf.zeros_like(row), row))
        self.skipped.assign_add(tf.cast(~finite, tf.int64))


def _on_all_replicas(conditions: Sequence[tf.Tensor]) -> tf.Tensor:
    """Whether all of them hold on every replica: bools -> a bool, the same on each."""
    fails = tf.cast(~tf.reduce_all(tf.stack(conditions)), tf.float32)
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        fails = context.all_reduce(tf.distribute.ReduceOp.SUM, fails)
    return tf.equal(fails, 0.0)


def skipped_steps(model: Any) -> int:
    """Updates that a run has left out, see `LossScale`."""
    return sum(int(scale.skipped.numpy()) for scale in model.loss_scales.values())


def loss_scales(
    model: Any, optimizers: Mapping[str, keras.optimizers.Optimizer]
) -> dict[str, LossScale]:
    """Of each optimizer of a model whose networks compute in float16; none of others."""
    if model.compute_dtype != "float16":
        return {}
    return {name: LossScale(optimizer) for name, optimizer in optimizers.items()}
