"""Adam in one op for each variable, and the schedules of its rate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from ml_collections import ConfigDict


def from_config(settings: "ConfigDict", steps: int) -> "Adam":
    """The optimizer of a config's section, for a run that applies it so many times."""
    rate = settings.learning_rate
    if settings.decay == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if settings.decay == "linear":
        rate = LinearInTheEnd(rate, steps)
    return Adam(rate, beta_1=settings.beta_1, beta_2=settings.beta_2)


class Adam(keras.optimizers.Adam):
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
