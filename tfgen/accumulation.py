"""Accumulation: a step takes its batch in k parts and descends on the mean of their gradients.

It needs the memory of one part, and is the step of the whole batch but for rounding:

    noise     a part has that of its rows of the whole batch (`random.training_seeds`)
    sequence  a part begins when the gradients of the one before are there: TensorFlow computes at
              once what does not depend on each other, and would hold all parts
    state     what a pass moves whatever it is shown, the vector of a spectral norm, each part finds
              as the first did
    games     each player's gradient is gathered over all parts before it moves

A loss that is no mean over rows has no such parts. Who needs all rows takes `replicas.all_rows`,
which refuses a part; batch normalisation is found by its layers; a `train_step` that knows of parts
says so by `in_parts`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import keras
import tensorflow as tf

from tfgen import parts
from tfgen.errors import UserError
from tfgen.layers.spectral import SpectralConv2D, SpectralDense
from tfgen.objectives import losses

Step = TypeVar("Step", bound=Callable[..., dict[str, tf.Tensor]])


def in_parts(train_step: Step) -> Step:
    """Marks a `train_step` that takes its batch in `accumulate` parts."""
    train_step.in_parts = True  # type: ignore[attr-defined]
    return train_step


def over_parts(
    model: Any, rows: Any, of_part: Callable[[Any], tuple[Any, dict[str, tf.Tensor]]]
) -> tuple[Any, dict[str, tf.Tensor]]:
    """Calls `of_part` with each part of `rows` and returns what it gives of all.

    Args:
      rows: a nest of [B, ...], and None.
      of_part: such a nest of [B / k, ...] -> (a nest of gradients, {name: rows or a mean}).

    Returns: the mean of the gradients; rows of the whole batch, and means over it.
    """
    k, given = model.accumulate, tf.nest.flatten(rows)
    if k == 1:
        return of_part(rows)
    pieces = zip(*[[None] * k if row is None else tf.split(row, k) for row in given], strict=True)
    kinds = SpectralDense, SpectralConv2D
    states = [layer.u for layer in _layers(model) if isinstance(layer, kinds)]
    before = [tf.convert_to_tensor(state) for state in states]
    total, found = None, []
    for i, piece in enumerate(pieces):
        done = [gradient for gradient in tf.nest.flatten(total) if gradient is not None]
        with parts.taking(i, k), tf.control_dependencies(done):
            for state, value in zip(states, before, strict=True):
                state.assign(value)
            gradients, terms = of_part(tf.nest.pack_sequence_as(rows, piece))
        total = gradients if total is None else tf.nest.map_structure(_sum, total, gradients)
        found.append(terms)
    mean = tf.nest.map_structure(lambda g: None if g is None else g / k, total)
    return mean, {name: _joined([terms[name] for terms in found]) for name in found[0]}


def _sum(one: tf.Tensor | None, other: tf.Tensor | None) -> tf.Tensor | None:
    return None if one is None else tf.convert_to_tensor(one) + tf.convert_to_tensor(other)


def _joined(found: list[tf.Tensor]) -> tf.Tensor:
    """Rows after one another; of means the mean."""
    return tf.concat(found, axis=0) if found[0].shape.rank else tf.add_n(found) / len(found)


def step(model: Any, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The step of `step_terms` and `descent`."""
    owned = model.trained()

    def of_part(batch: dict[str, tf.Tensor]) -> tuple[dict[str, list], dict[str, tf.Tensor]]:
        seeds = model.training_seeds(batch["image"])
        with tf.GradientTape(persistent=len(model.descent) > 1) as tape:
            terms = losses.means(model.step_terms(batch, seeds, training=True))
        found = {
            name: model.gradients(tape, terms[term], owned[name])
            for name, term in model.descent.items()
        }
        return found, terms

    gradients, terms = over_parts(model, batch, of_part)
    for name in model.descent:
        model.take_step(name, gradients[name])
    return model.end_step(**terms)


def check(model: Any) -> None:
    """Raises: UserError for a model whose step knows of no parts, or that has batch normalisation.

    What else couples rows shows when a step is traced, see `trace`.
    """
    name, k = type(model).__name__, model.accumulate
    if k > 1 and not getattr(type(model).train_step, "in_parts", False):
        raise UserError(
            f"`accumulate={k}` takes a batch in parts, and a step of {name} takes it as a whole: "
            "set `accumulate=1`."
        )
    for network in model.layers if k > 1 else ():
        if any(isinstance(o, keras.layers.BatchNormalization) for o in _layers(network)):
            raise UserError(
                f"`accumulate={k}` takes a batch in parts, and {network.name} of {name} has batch "
                "normalisation, whose statistics are of all its images together: set "
                "`accumulate=1`, or take networks without."
            )


def _layers(network: keras.Layer) -> list[keras.Layer]:
    return list(network._flatten_layers())


def trace(model: Any, batches: tf.data.Dataset) -> None:
    """Traces a step of such batches.

    Raises: UserError for a loss that couples the rows of a batch.
    """
    strategy = model.distribute_strategy
    share = strategy.num_replicas_in_sync
    spec = {
        name: tf.TensorSpec([of.shape[0] // share, *of.shape[1:]], of.dtype)
        for name, of in batches.element_spec.items()
    }
    step = tf.function(lambda batch: strategy.run(model.train_step, (batch,)), autograph=False)
    step.get_concrete_function(spec)
