"""Networks of a user's own, in the place of a model's: taken, checked and kept.

    VAE(image_shape=(28, 28, 1), levels=256, encoder=mine, ...)

`mine` is a Keras model, or a function that is called once with the shapes, `mine(inputs, outputs)`,
and returns one. Shapes are without the batch; where a network takes several tensors, `inputs` is a
list of shapes. A layer that Keras could not find again, when the saved model is loaded, is refused
at once and not after the training.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

from tfgen.errors import UserError

Shape = Sequence[int]


def own(
    name: str,
    given: keras.Model | Callable[..., keras.Model],
    inputs: Shape | Sequence[Shape],
    outputs: Shape,
) -> keras.Model:
    """The user's network for the argument `name`, with its shapes checked.

    Args:
      given: a Keras model, or a function (inputs, outputs) -> Keras model.
      inputs, outputs: the shapes, without the batch, that it must take and give.

    Raises: UserError for anything else, for other shapes, for numbers that are not float32, and for
    layers that cannot be saved.
    """
    several = isinstance(inputs[0], (list, tuple))
    network = given
    # A layer can be called too, but with tensors.
    if callable(given) and not isinstance(given, keras.Layer):
        network = given(inputs, tuple(outputs))
    if not isinstance(network, keras.Model):
        what = "is of" if network is given else "returned"
        raise UserError(
            f"{name} {what} type {type(network).__name__}: a Keras model is wanted, or a function "
            "of the shapes (inputs, outputs) that returns one."
        )
    _refuse_lost_layers(name, network)
    each: Sequence[Any] = inputs if several else [inputs]
    shapes = [tuple(shape) for shape in each]
    wanted = f"{' and '.join(map(str, shapes))} -> {tuple(outputs)}"
    try:
        # Placeholders build what is not built yet; but of layers that are, Keras checks with real
        # tensors alone whether these fit.
        for tensors in (
            [keras.Input(shape) for shape in shapes],
            [keras.ops.zeros((2, *shape)) for shape in shapes],
        ):
            result = network(tensors if several else tensors[0])
    except Exception as error:
        raise UserError(
            f"{name} does not take {' and '.join(map(str, shapes))}, without the batch "
            f"({_reason(error)}). Wanted: {wanted}."
        ) from error
    found = tuple(result.shape[1:]) if hasattr(result, "shape") else None
    if found != tuple(outputs):
        gives = found if found is not None else f"{len(result)} tensors"
        raise UserError(f"{name} gives {gives}, without the batch. Wanted: {wanted}.")
    dtype = keras.backend.standardize_dtype(result.dtype)
    if dtype != "float32":
        raise UserError(
            f"{name} gives {dtype}, and losses are made of float32: give its last layer "
            'dtype="float32".'
        )
    return network


def fingerprint(serialised: dict) -> str:
    """A hash of what Keras writes of a network, whatever numbers its layers' names have today."""
    text = json.dumps(serialised, sort_keys=True, default=str)
    text = re.sub(r"keras_tensor_\d+", "tensor", text)
    for i, name in enumerate(dict.fromkeys(re.findall(r'"name": "(\w+)"', text))):
        text = text.replace(f'"{name}"', f'"{i}"')
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _reason(error: Exception) -> str:
    """An exception in a line: of one that Keras has wrapped, what it was about."""
    lines = re.sub(r"\x1b\[\d+m", "", str(error)).split("\n")  # Keras writes in bold
    said = [line for line in lines if line and not line.startswith("Exception encountered")]
    return said[0].strip() if said else repr(error)


def another(network: keras.Model) -> keras.Model:
    """A network of the same layers with weights of its own, newly drawn."""
    return keras.models.clone_model(network)


def _refuse_lost_layers(name: str, network: keras.Model) -> None:
    """Raises: UserError for a layer whose class a saved model could not name."""
    for layer in [network, *network._flatten_layers(include_self=False)]:
        kind = type(layer)
        if isinstance(layer, keras.layers.Lambda):
            raise UserError(
                f"{name}: the layer {layer.name!r} is a Lambda, which holds code that Keras does "
                "not load from a file: write it as a class of its own, registered with "
                "@keras.saving.register_keras_serializable()."
            )
        if kind.__module__.startswith("keras.") or ">" in keras.saving.get_registered_name(kind):
            continue
        raise UserError(
            f"{name}: Keras cannot find the layer {layer.name!r} of class {kind.__name__} again "
            "when the saved model is loaded: put @keras.saving.register_keras_serializable() "
            "before the class."
        )
