"""What the default settings of models cost, without making their weights."""

import math

import keras
from keras.src.backend.common.stateless_scope import StatelessScope

from benchmarks import sizes
from tfgen import rules, settings


def config_on(model, name, shape, levels=256, count=50_000):
    """The config for a data set by its name, with what follows from its images."""
    config = settings.find(model, name)
    settings.derive(model, config, rules.Data(*shape, levels, count))
    return config


def weightless(model, shape):
    """A model as its defaults have it, with weights that have a shape and no value."""
    config, _ = sizes.config_for(model, shape)
    with StatelessScope(initialize_variables=False):
        return sizes.build(model, shape, config)


def cost(model):
    """(weights, bytes of them in a training, the largest dense layer's weights).

    By Adam a trained weight has a gradient and two means beside it, 16 bytes in float32.
    """
    trained = {id(weight) for group in model.trained().values() for weight in group}
    size = {id(weight): math.prod(weight.shape) for weight in model.weights}
    held = sum((16 if key in trained else 4) * count for key, count in size.items())
    layers = model._flatten_layers(include_self=False)
    dense = [math.prod(x.kernel.shape) for x in layers if isinstance(x, keras.layers.Dense)]
    return sum(size.values()), held, max(dense, default=0)
