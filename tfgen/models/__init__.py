"""One file a model; `find` gets a model by the name of its file, so there is no list to keep."""

import importlib
import pkgutil

from tfgen.errors import one_of


def names():
    """The names of all models, without importing any."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name):
    """The model class of `tfgen/models/<name>.py`: the one that the file defines.

    Raises: UserError with a suggestion, for an unknown name.
    """
    from tfgen.model import GenerativeModel

    module = importlib.import_module(f"{__name__}.{one_of('model', name, names())}")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, GenerativeModel)
        and value.__module__ == module.__name__
    ]
    return found
