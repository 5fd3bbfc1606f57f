"""The compiled model of a run: its class from the config, its weights from the seed."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfgen import accumulation, models, precision, settings
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.training import devices, optimizers

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel


def build(
    name: str,
    config: "ConfigDict",
    training: "ImageData",
    strategy: "tf.distribute.Strategy | None" = None,
    given: Mapping[str, keras.optimizers.Optimizer] | None = None,
) -> "GenerativeModel":
    """A new model of the config, compiled.

    Args:
      name: of the model; training: `ImageData`; strategy: of several replicas, or None.
      given: the optimizers of a class that has none in its config: {name: Keras optimizer}.

    Raises: UserError for data or sizes that do not suit the model.
    """
    keras.utils.set_random_seed(config.seed)
    kind = models.find(name)
    arguments = dict(config.model)
    arguments |= kind.data_arguments(training, arguments)
    with strategy.scope() if strategy else contextlib.nullcontext(), fitting_into_memory(name):
        with precision.computing(config.precision):
            model = kind(
                image_shape=training.shape, levels=training.levels, seed=config.seed, **arguments
            )
        if settings.is_file(name):
            precision.check(model)
        model.accumulate = config.accumulate
        accumulation.check(model)
        model.check_batch(config.batch_size, replicas_of(strategy))
        name_classes(model, training)
        return _with_optimizers(model, config, given)


def adopt(
    model: "GenerativeModel",
    config: "ConfigDict",
    training: "ImageData",
    strategy: "tf.distribute.Strategy | None" = None,
    given: Mapping[str, keras.optimizers.Optimizer] | None = None,
) -> "GenerativeModel":
    """A model that a user made, checked against the data and compiled.

    On several replicas it is a copy, whose variables are on all of them; and in another precision
    than it was made in, whose networks compute in that.

    Raises: UserError for images of another shape or other levels.
    """
    for what, wanted, found in (
        ("image_shape", model.image_shape, tuple(training.shape)),
        ("levels", model.levels, training.levels),
    ):
        if wanted != found:
            raise UserError(
                f"the model was made with {what}={wanted}, and the images of {training.name} have "
                f"{found}: make it with {what}={found}."
            )
    known = type(model).data_arguments(training, dict(config.model))
    for key, value in known.items():
        if getattr(model, key, value) != value:
            raise UserError(
                f"the model was made with {key}={getattr(model, key)}, and {training.name} has "
                f"{value}: make it with {key}={value}."
            )
    keras.utils.set_random_seed(config.seed)
    with strategy.scope() if strategy else contextlib.nullcontext():
        if strategy or model.dtype_policy.name != precision.POLICIES[config.precision]:
            model = model.without_optimizers(config.precision)
        # Of an earlier training it keeps the weights; the steps are those of this run.
        for counter in (model.step, model.finite_steps, model.interval_sums):
            counter.assign(tf.zeros_like(counter))
        model.accumulate = config.accumulate
        accumulation.check(model)
        model.check_batch(config.batch_size, replicas_of(strategy))
        name_classes(model, training)
        return _with_optimizers(model, config, given)


def name_classes(model: "GenerativeModel", training: "ImageData") -> None:
    """A model that is asked for classes learns their names, where they are more than numbers."""
    names = conditions.Labels(tuple(training.classes))
    if model.num_classes == len(names.classes) and names.named:
        model.class_names = names.classes


def _with_optimizers(
    model: "GenerativeModel",
    config: "ConfigDict",
    given: Mapping[str, keras.optimizers.Optimizer] | None = None,
) -> "GenerativeModel":
    """The model with its optimizers."""
    found = given or {
        key: optimizers.from_config(section, config.steps, model.updates(key))
        for key, section in config.optimizers.items()
    }
    model.compile(found)
    return model


# A weight, its gradient and Adam's two means, in float32.
BYTES_A_WEIGHT = 16
# Of the largest array of weights: copies while it is drawn at random, or changed by a step.
BYTES_AT_WORK = 12


@contextlib.contextmanager
def fitting_into_memory(name: str) -> Iterator[None]:
    """Around a model's constructor: counts weights before they are made.

    Raises: UserError before the first that does not fit into the machine's memory in training,
      which would end the process without a word.
    """
    add_weight, memory = keras.layers.Layer.add_weight, devices.free_memory()
    count = largest = 0

    def counted(layer: keras.layers.Layer, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal count, largest
        size = math.prod(shape or ())
        count, largest = count + size, max(largest, size)
        wanted = BYTES_A_WEIGHT * count + BYTES_AT_WORK * largest
        if memory and wanted > memory:
            raise UserError(
                f"{name} has at least {count:,} weights with these settings and images: training "
                f"takes {wanted / 1e9:,.0f} GB for them, and "
                f"{memory / 1e9:,.0f} GB are free. Make it smaller (`model.width`, or what its "
                "settings call it) or the images (`data.size`)."
            )
        return add_weight(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = counted
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = add_weight


def replicas_of(strategy: "tf.distribute.Strategy | None") -> int:
    return strategy.num_replicas_in_sync if strategy else 1


def steps_per_execution(config: "ConfigDict", replicas: int, start: int, most: int) -> int:
    """Steps that TensorFlow runs before Python looks in: a divisor of the intervals, or 1.

    From `start` on, so that every interval and the last step are the end of a call. A small model's
    step costs no more than the call. Several replicas do not run under more than one.
    """
    whole = math.gcd(config.steps, config.log_every, start)
    return 1 if replicas > 1 else max(k for k in range(1, most + 1) if whole % k == 0)
