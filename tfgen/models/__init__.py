"""One file a model; a model is found by the name of its file, or its class by its own name.

    from tfgen.models import VAE
    models.find("vae")

There is no list to keep: a file of this folder defines one model, and the source says which.
"""

import importlib
import os
import pkgutil
import zipfile
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tfgen import declared, settings
from tfgen.errors import UserError, one_of
from tfgen.run_dir import RunDir

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


def names() -> list[str]:
    """The names of all models, without importing any."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name: str) -> Any:
    if name in declared.zoo():
        return getattr(importlib.import_module(f"{__name__}.{declared.zoo()[name].stem}"), name)
    raise AttributeError(f"tfgen.models has no {name!r}: {', '.join(sorted(declared.zoo()))}.")


def __dir__() -> list[str]:
    return [*globals(), *declared.zoo()]


def find(name: str) -> "type[GenerativeModel]":
    """The class of a model.

    Args:
      name: of a file of this folder; or the path of a user's own ("./my_gan.py"); or what Keras
        has the class of a run under ("mine>MyGAN"), whose module is imported already.

    Raises: UserError with a suggestion, for an unknown name; for a file that does not define one.
    """
    if ">" in name:
        return _registered(name)
    if settings.is_file(name):
        return registered(_only_model(settings.config_file(name)))
    return _only_model(importlib.import_module(f"{__name__}.{one_of('model', name, names())}"))


def registered(kind: "type[GenerativeModel]") -> "type[GenerativeModel]":
    """The class, which Keras finds again when its model is loaded.

    Raises: UserError for one that it does not.
    """
    import keras

    if ">" not in keras.saving.get_registered_name(kind):
        raise UserError(
            f"Keras cannot find {kind.__name__} again when its model is loaded: put "
            f'@keras.saving.register_keras_serializable("mine") before the class.'
        )
    return kind


def _registered(name: str) -> "type[GenerativeModel]":
    import keras

    found = keras.saving.get_registered_object(name)
    if found is None:
        raise UserError(
            f"the run is one of {name}, a class that is not here: import the module that defines "
            "and registers it before the run is loaded."
        )
    return found


def _only_model(module: ModuleType) -> "type[GenerativeModel]":
    from tfgen.model import GenerativeModel

    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, GenerativeModel)
        and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise UserError(
            f"{module.__file__} must define one model, a subclass of tfgen.model.GenerativeModel; "
            f"it defines {names}."
        )
    return found[0]


def load(directory: str | os.PathLike) -> "GenerativeModel":
    """The trained model of a run directory, for sampling and measuring: without optimizers.

    Raises: UserError if there is no run, it is not finished, or its model file is broken.
    """
    import keras

    run = RunDir(directory)
    name, _ = run.read_config()
    if not run.model.exists():
        raise UserError(
            f"the run in {run.address} is not finished: it has no model.keras yet. Train it on "
            f"with `model={name}`, `workdir={run.address}` and its settings."
        )
    kind = find(name)  # registers the class with Keras
    # Of two files of users that register one name each run has its own.
    own = {keras.saving.get_registered_name(kind): kind}
    try:
        if not zipfile.is_zipfile(run.model):
            raise ValueError("it is cut short, or no file of Keras")
        with keras.saving.custom_object_scope(own):
            model = keras.saving.load_model(run.model, compile=False)
    except Exception as error:  # Keras, zipfile and HDF5 raise a dozen kinds for a damaged file
        said = (str(error).splitlines() or [repr(error)])[0]
        absent = isinstance(error, TypeError)  # what Keras raises for a class that it does not find
        raise UserError(
            f"{run.shown(run.model)} cannot be read: {said}. "
            + ("A class of yours is to be imported before; else copy " if absent else "Copy ")
            + "it here again, or take model.keras and card.md away and train on with the "
            f"settings of the run, `workdir={run.address}`: its checkpoints hold the weights."
        ) from error
    if type(model) is not kind:
        raise UserError(
            f"{run.shown(run.model)} holds a {type(model).__name__}, and config.json says {name}: "
            "one of the two is of another run."
        )
    return model
