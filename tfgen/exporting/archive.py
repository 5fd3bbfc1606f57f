"""Endpoints as the signatures of a SavedModel, each traced once.

Keras' ExportArchive traces every function a second time while it saves, and stores it once more
beside its signature, for which who loads the file pays as well.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.files import plain

if TYPE_CHECKING:
    import os

    import keras

    from tfgen.exporting.endpoints import Endpoint


def save(
    endpoints: "Sequence[Endpoint]",
    path: "str | os.PathLike",
    holder: "keras.Layer | None" = None,
    gradients: bool = True,
) -> None:
    """Writes a SavedModel with a signature of each endpoint, and only the variables that they read.

    Args:
      endpoints: of `tfgen/exporting/endpoints.py`; the first is the default signature too.
      path: the folder.
      holder: a layer whose tables of words the endpoints look up.
      gradients: whether who loads the file may differentiate through activations that define their
        own gradient.
    """
    functions = {
        endpoint.name: compiled(
            endpoint.function, input_signature=endpoint.inputs
        ).get_concrete_function()
        for endpoint in endpoints
    }
    # What is saved is what a module holds. No model: it has D and optimizers, which nothing reads.
    module = tf.Module()
    read = [variable for function in functions.values() for variable in function.variables]
    module.read = list({id(variable): variable for variable in read}.values())
    module.tables = _tables(holder) if holder else []
    default = {"serving_default": functions[endpoints[0].name]}
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=gradients)
    tf.saved_model.save(module, str(plain(Path(path))), functions | default, options)


def _tables(holder: "keras.Layer") -> list[Any]:
    resource = tf.saved_model.experimental.TrackableResource
    held = tf.train.TrackableView(holder).descendants()
    return [part for part in held if isinstance(part, resource)]
