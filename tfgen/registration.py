"""Keras finds the classes of tfgen by their names, after `import tfgen` alone.

A class registers with Keras when its module is imported, and `import tfgen` imports none: it would
load TensorFlow. So Keras' table of registered classes is one that imports the module when it is
asked for a class of ours. Where another version of Keras has its table elsewhere, nothing is done,
and whoever loads a `.keras` file imports the class before.
"""

import importlib
import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

TABLE = "keras.src.saving.object_registration"


class Classes(dict):
    """{registered name: class}; those of "tfgen>" are imported when they are looked for."""

    def __contains__(self, name: object) -> bool:
        if not super().__contains__(name) and str(name).startswith("tfgen>"):
            models = importlib.import_module("tfgen.models")
            getattr(models, str(name).removeprefix("tfgen>"), None)
        return super().__contains__(name)


class Watch(importlib.abc.MetaPathFinder):
    """Sees Keras' table when it is imported, and takes its place then."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != TABLE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def then_extend(module: ModuleType) -> None:
                execute(module)
                _extend(module)

            spec.loader.exec_module = then_extend  # type: ignore[method-assign]
        return spec


def _extend(module: ModuleType) -> None:
    if hasattr(module, "GLOBAL_CUSTOM_OBJECTS"):
        vars(module)["GLOBAL_CUSTOM_OBJECTS"] = Classes(module.GLOBAL_CUSTOM_OBJECTS)


def install() -> None:
    """Extends Keras' table, now or when Keras is imported."""
    if TABLE in sys.modules:
        _extend(sys.modules[TABLE])
    else:
        sys.meta_path.insert(0, Watch())
