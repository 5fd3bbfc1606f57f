"""What a model's class knows of its constructor's arguments: defaults, values, a user's networks.

A model stores each argument under the argument's own name, so that no model has a `get_config` of
its own. Sources are read for the same without TensorFlow by `declared.py`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from tfgen import networks, precision
from tfgen.declared import Network


class Arguments:
    """A class, before Keras', that finds its constructor's arguments, also those handed on.

    A class attribute of the name of an argument that the class hands on by `**kwargs` is that
    argument's default: `critic_steps = 5`.
    """

    retired: tuple[str, ...] = ()  # arguments that a version before had, and old files name
    own_networks: dict[str, keras.Model]  # what a user gave in place of ours, {argument: network}
    _defaults: Mapping[str, Any] = {}  # of arguments, by class attributes

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = inspect.signature(vars(cls)["__init__"]).parameters if "__init__" in vars(cls) else {}
        handed_on = set(cls.arguments()) - set(own)
        attributes = {n: v for n, v in vars(cls).items() if not hasattr(v, "__get__")}
        cls._defaults = {n: v for n, v in attributes.items() if n in handed_on}
        if not cls._defaults:
            return
        defaults, constructor = cls._defaults, cls.__init__

        @functools.wraps(constructor)
        def __init__(self: Any, *args: Any, **given: Any) -> None:
            constructor(self, *args, **(defaults | given))

        cls.__init__ = __init__  # type: ignore[method-assign]

    @classmethod
    def arguments(cls) -> dict[str, inspect.Parameter]:
        """The constructor's arguments, with those that it hands on by `**kwargs`."""
        found: dict[str, inspect.Parameter] = {}
        defaults: dict[str, Any] = {}
        for kind in cls.__mro__:
            defaults = vars(kind).get("_defaults", {}) | defaults
            parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
            for p in parameters:
                if p.name not in found:
                    found[p.name] = p.replace(default=defaults.get(p.name, p.default))
                elif found[p.name].annotation is p.empty:  # it is the parent's to say
                    found[p.name] = found[p.name].replace(annotation=p.annotation)
            # Without `**kwargs` it names all that there is.
            if Arguments in kind.__bases__ or not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
        return {n: p for n, p in found.items() if n != "self" and p.kind is not p.VAR_KEYWORD}

    def choose_network(
        self,
        name: str,
        given: Network,
        inputs: Sequence[Any],
        outputs: Sequence[int],
        default: Callable[[], keras.Model],
    ) -> keras.Model:
        """The network for the argument `name`: the user's own, or what `default()` makes.

        Args:
          given: what the constructor was given: None, a Keras model, or a function of shapes.
          inputs, outputs: the shapes that fit, without the batch (`tfgen/networks.py`).

        Raises: UserError for a network that does not fit.
        """
        if given is None:
            return default()
        self.own_networks[name] = networks.own(name, given, inputs, outputs)
        return self.own_networks[name]

    def get_config(self) -> dict[str, Any]:
        return {name: self._argument(p) for name, p in self.arguments().items()}

    def _argument(self, parameter: inspect.Parameter) -> Any:
        """What an argument of the constructor was, in a form that JSON can hold."""
        if parameter.annotation is not Network:
            return getattr(self, parameter.name)
        network = self.own_networks.get(parameter.name)
        return network and precision.in_float32(keras.saving.serialize_keras_object(network))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        arguments = {
            name: keras.saving.deserialize_keras_object(value)
            if isinstance(value, dict) and "class_name" in value
            else value
            for name, value in config.items()
            if name not in cls.retired
        }
        return cls(**arguments)
