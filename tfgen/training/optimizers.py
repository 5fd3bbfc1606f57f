"""Optimizers and the schedules of their rates, as a config names them.

They are Keras', with three differences: Adam is one op for each variable; `clip` bounds the norm of
the gradient that is summed over replicas, where Keras' own clips that of each replica, which is no
part of what one device does; and weight decay, which is decoupled (Loshchilov and Hutter 2019),
leaves vectors alone. Those are biases, and gains and shifts of normalisation: they fit no noise, a
pull to zero would only change the scale that a normalisation has been given, and most papers that
decay weights spare them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfgen import replicas

if TYPE_CHECKING:
    from keras import Optimizer as _Optimizer
    from ml_collections import ConfigDict
else:
    _Optimizer = object  # Keras' class comes after this one


def from_config(settings: "ConfigDict", steps: int, updates: int = 1) -> keras.Optimizer:
    """The optimizer of a config's section, for a run of so many steps that apply it so often."""
    rate, warmup = settings.learning_rate, settings.warmup * updates
    left = steps * updates - warmup
    if settings.decay == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, left)
    if settings.decay == "linear":
        rate = LinearInTheEnd(rate, left)
    if warmup:
        rate = WarmUp(rate, settings.learning_rate, warmup)
    common = dict(clip=settings.clip)
    if settings.kind == "adam":
        return Adam(rate, beta_1=settings.beta_1, beta_2=settings.beta_2, **common)
    common["weight_decay"] = settings.weight_decay
    if settings.kind == "sgd":
        return SGD(rate, momentum=settings.momentum, **common)
    if settings.kind == "rmsprop":
        return RMSprop(rate, rho=settings.beta_2, momentum=settings.momentum, **common)
    kind = {"adamw": AdamW, "lion": Lion}[settings.kind]
    return kind(rate, beta_1=settings.beta_1, beta_2=settings.beta_2, **common)


class _Ours(_Optimizer):
    """What stands before Keras' class.

    Args:
      clip: the most that the norm of the gradient may be, over all variables; 0: any.
      others: of Keras' class.
    """

    def __init__(self, *args: Any, clip: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clip = clip

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.weight_decay and not self.built:
            self.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
        super().build(variables)

    def apply(
        self,
        grads: Sequence[tf.Tensor | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        # Dense: of rows that are looked up twice Keras' optimizers square the parts one by one.
        grads = [None if g is None else tf.convert_to_tensor(g) for g in grads]
        if self.clip:
            grads = replicas.clipped(grads, self.clip)
        super().apply(grads, trainable_variables)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"clip": self.clip}


class AdamW(_Ours, keras.optimizers.AdamW):
    pass


class SGD(_Ours, keras.optimizers.SGD):
    pass


class RMSprop(_Ours, keras.optimizers.RMSprop):
    pass


class Lion(_Ours, keras.optimizers.Lion):
    pass


class Adam(_Ours, keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015, the order of section 2's end), as Keras' but for rounding.

    Keras writes the update as some twenty ops, each a pass over the weights; TensorFlow has a
    kernel that makes one: up to a twentieth less for a step of a small network.
    """

    _powers: tuple[tf.Tensor, tf.Tensor] | None = None

    def apply(
        self,
        grads: Sequence[tf.Tensor | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        self._powers = None
        try:
            super().apply(grads, trainable_variables)
        finally:
            self._powers = None  # a tensor of a graph

    def _powers_of_betas(self, dtype: str) -> tuple[tf.Tensor, tf.Tensor]:
        """beta_1^t, beta_2^t: once for all variables of a step, for tracing pays for each op."""
        if self._powers is None or self._powers[0].dtype != dtype:
            step = tf.cast(self.iterations + 1, dtype)
            self._powers = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        return self._powers

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        i = self._get_variable_index(variable)
        beta1_power, beta2_power = self._powers_of_betas(variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[i].value.handle,
            v=self._velocities[i].value.handle,
            beta1_power=beta1_power,
            beta2_power=beta2_power,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
        )


@keras.saving.register_keras_serializable("tfgen")
class LinearInTheEnd(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that stays for half of the steps and then falls to zero along a line."""

    def __init__(self, rate: float, steps: int) -> None:
        self.rate, self.steps = rate, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        left = 1.0 - tf.cast(step, tf.float32) / self.steps
        return self.rate * tf.clip_by_value(2.0 * left, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "steps": self.steps}


@keras.saving.register_keras_serializable("tfgen")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Up to `rate` along a line from 0 in so many steps; then what `after` gives, from its 0 on.

    Args: after, a rate or a schedule; rate, its first; steps.
    """

    def __init__(self, after: Any, rate: float, steps: int) -> None:
        self.after, self.rate, self.steps = after, rate, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.cast(step, tf.float32)
        then = done - self.steps
        after = self.after(tf.maximum(then, 0.0)) if callable(self.after) else self.after
        return tf.where(then < 0.0, self.rate * done / self.steps, after)

    def get_config(self) -> dict[str, Any]:
        return {"after": self.after, "rate": self.rate, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        return cls(**config | {"after": keras.saving.deserialize_keras_object(config["after"])})
