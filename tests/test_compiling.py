"""Methods that loop: graphs also where they are called eagerly, and the samples are the same."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import ROWS, Row

LOOPING = [
    next(row for row in ROWS if row.name == name)
    for name in ("ddpm", "pixelcnn", "made", "vq_vae", "rbm", "dbn", "gsn")
]


def small(**arguments):
    return Row(
        "ddpm", dict(network="dense", width=4, steps=40) | arguments, None, (2, 2, 1)
    ).build()


@pytest.fixture
def op_by_op():
    """Runs a function with nothing compiled."""

    def run(function, *arguments):
        tf.config.run_functions_eagerly(True)
        try:
            return function(*arguments)
        finally:
            tf.config.run_functions_eagerly(False)

    return run


@pytest.mark.parametrize("row", LOOPING, ids=lambda row: row.name)
def test_a_loop_gives_in_a_graph_what_it_gives_op_by_op(row, op_by_op):
    model = row.build()
    noise = model.noise(tf.range(3))
    np.testing.assert_allclose(
        model.generate(noise), op_by_op(model.generate, noise), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("order", ["left out first", "left out last"])
def test_an_argument_may_be_left_out_or_named(order):
    model = next(row for row in ROWS if row.name == "dbn").build()

    def calls(n):
        noise = model.noise(tf.range(n))
        ways = [lambda: model.generate(noise), lambda: model.generate(noise, None)]
        ways.append(lambda: model.generate(noise=noise, condition=None))
        return ways if order == "left out first" else ways[::-1]

    # Of other sizes, too: a second size makes TensorFlow look for what two calls have in common.
    for n in (2, 5, 3):
        first, *others = (way().numpy() for way in calls(n))
        assert first.shape == (n, *model.image_shape)
        for other in others:
            np.testing.assert_array_equal(other, first)


def test_settings_that_are_set_anew_are_followed():
    model, other = small(sampling_steps=4), small(sampling_steps=9)
    seeds = np.arange(3)
    before = model.sample(seeds).numpy()
    model.sampling_steps = np.int64(9)
    np.testing.assert_allclose(model.sample(seeds), other.sample(seeds), atol=1e-6)
    assert not np.allclose(model.sample(seeds), before, atol=1e-3)
    model.sampling_steps = 4
    np.testing.assert_array_equal(model.sample(seeds), before)


def test_weights_that_change_are_followed():
    model, other = small(sampling_steps=4), small(sampling_steps=4)
    model.sample(0)
    for variable in model.average.weights:
        variable.assign_add(tf.fill(variable.shape, 0.1))
    other.average.set_weights(model.average.get_weights())
    np.testing.assert_allclose(model.sample(0), other.sample(0), atol=1e-6)


def test_a_second_call_runs_no_python_of_the_network(monkeypatch):
    model, calls = small(sampling_steps=4), []
    output = model.output

    def counted(self, *given, **more):
        calls.append(1)
        return output(*given, **more)

    monkeypatch.setattr(type(model), "output", counted)
    model.sample([0, 1])
    first = len(calls)
    model.sample([2, 3])
    assert 0 < first == len(calls)


def test_a_model_that_has_sampled_is_freed():
    model = small(sampling_steps=2)
    model.sample(0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
