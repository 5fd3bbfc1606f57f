"""A row's model after some compiled steps: made once, and read by every file of tests.

The tests of a row run one after another in one process (`tests/conftest.py`), so what they share is
kept until the next row but one.
"""

import contextlib
import functools

import tensorflow as tf

from tests.support import graphs
from tfgen.compiling import compiled
from tfgen.exporting.endpoints import endpoints

# Enough that batch statistics and weights have left their start; only the first one is dear.
STEPS = 20


class Trained:
    """What tests share must be as it was when they end; who trains on does so within `kept`.

    Attributes:
      model: after STEPS steps on `row.batch(seed=0)`, 1, ...
      step: its compiled `train_step`, already traced.
      before, after: the state of the model before and after the steps.
      terms: {term: number} of each step.
      seen: the graphs of the step, as `graphs.optimized` has them.
    """

    def __init__(self, row):
        self.row, self.model = row, row.build()
        self.step = compiled(self.model.train_step)
        self.before = state(self.model)
        first, self.seen = graphs.optimized(self.step, row.batch(seed=0))
        self.terms = [first, *(self.step(row.batch(seed=i)) for i in range(1, STEPS))]
        self.terms = [{k: float(v) for k, v in terms.items()} for terms in self.terms]
        self.after = state(self.model)

    @functools.cached_property
    def loaded(self):
        """The model as `tfgen.load` gives it, which is what users export: without optimizers."""
        return self.model.without_optimizers()

    @functools.cached_property
    def compiled_endpoints(self):
        return {
            endpoint.name: compiled(endpoint.function, input_signature=endpoint.inputs)
            for endpoint in endpoints(self.model)
        }

    @functools.cached_property
    def graphs(self):
        """{endpoint: its concrete function}, of any batch."""
        functions = self.compiled_endpoints.items()
        return {name: function.get_concrete_function() for name, function in functions}

    def make(self, inputs):
        """What the first endpoint, compiled, makes of inputs by name: images [N, H, W, C]."""
        return next(iter(self.compiled_endpoints.values()))(*inputs.values())["image"].numpy()

    def answer(self, endpoint, inputs):
        """{output: array} of an endpoint as Keras has it: op by op, but for what loops for long."""
        function = endpoint.function
        if self.model.can("next_one") or self.model.can("mixing"):
            function = self.compiled_endpoints[endpoint.name]
        found = function(*(tf.constant(inputs[spec.name]) for spec in endpoint.inputs))
        return {name: value.numpy() for name, value in found.items()}

    @contextlib.contextmanager
    def kept(self):
        """Whatever is done to the model meanwhile, afterwards it is as before."""
        now = state(self.model)
        try:
            yield
        finally:
            put(self.model, now)


@functools.lru_cache(maxsize=2)
def trained(row):
    """The row's `Trained`."""
    return Trained(row)


def state(model):
    """The arrays that a checkpoint holds: of `model.weights`, then of the optimizers."""
    return [variable.numpy() for variable in variables(model)]


def put(model, state):
    """Sets the model to a `state` of it."""
    for variable, value in zip(variables(model), state, strict=True):
        variable.assign(value)


def variables(model):
    """The weights, then the variables of the optimizers."""
    slots = [slot for optimizer in model.optimizers.values() for slot in optimizer.variables]
    return [*model.weights, *slots]
