"""How functions are compiled here: traced as they stand."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

Method = TypeVar("Method", bound=Callable[..., Any])

# No model branches in Python on a tensor, so AutoGraph would rewrite every function and change
# none. Keras traces a step and an export without it; with it a first trace takes three times as
# long.
compiled = functools.partial(tf.function, autograph=False, reduce_retracing=True)


def looping(method: Method) -> Method:
    """A model's method that evaluates a network many times over: also called eagerly it is a graph.

    Op by op such a loop takes three times as long, and ten times as long from the second call on.
    Within a graph it is traced as it stands. Arguments are tensors or Python values; for other
    values of these, and of the model's settings, which may be set anew, it is traced again.
    """
    signature = inspect.signature(method)

    # All arguments, always: TensorFlow compares those of two calls one by one, and where the second
    # call has fewer it runs past their end.
    @compiled
    def traced(self: Any, settings: tuple, arguments: dict[str, Any]) -> Any:
        return method(self, **arguments)

    @functools.wraps(method)
    def looped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not tf.executing_eagerly():
            return method(self, *args, **kwargs)
        given = signature.bind(self, *args, **kwargs)
        given.apply_defaults()
        arguments = {name: _plain(value) for name, value in given.arguments.items()}
        del arguments["self"]
        return traced.__get__(self, type(self))(_settings(self), arguments)

    return looped  # type: ignore[return-value]


def _settings(model: Any) -> tuple:
    """What may be set anew, of which a traced method would keep what it was."""
    values = sorted((name, _plain(value)) for name, value in vars(model).items() if name[0] != "_")
    return tuple(item for item in values if isinstance(item[1], bool | int | float | str))


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's: the others become tensors in a graph."""
    return value.item() if isinstance(value, np.generic) else value
