"""How many threads TensorFlow gets."""

import functools
import os

import keras
import pytest
import tensorflow as tf

from tfgen.errors import UserError
from tfgen.training import building, devices


@pytest.mark.parametrize(("cores", "threads"), [(1, {}), (2, {"inter": 2, "intra": 1}), (4, {})])
def test_two_cores_take_an_op_each(monkeypatch, cores, threads):
    found = {}
    config = tf.config.threading
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    for kind in ("inter", "intra"):
        setter = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(config, setter, functools.partial(found.__setitem__, kind))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    devices.use_cores()
    assert found == threads
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a GPU"])
    found.clear()
    devices.use_cores()
    assert found == {}


def test_more_replicas_than_a_cpu_is_divided_into(monkeypatch):
    """A million is refused at once, where TensorFlow would make devices for an hour."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(UserError, match="`replicas` is 1000000, but there are no GPUs"):
        devices.make_strategy(1_000_000)


def test_a_model_that_does_not_fit_is_refused_before_it_is_made(monkeypatch):
    """By the weights that there would be, the first too many of which is not made, and by the
    copies of the largest array of them while it is drawn.
    """
    monkeypatch.setattr(devices, "free_memory", lambda: 16 * 1000 + 12 * 990)
    add_weight = keras.layers.Layer.add_weight
    with building.fitting_into_memory("toy"):
        keras.layers.Dense(10).build((99,))  # 1,000 with its biases
    monkeypatch.setattr(devices, "free_memory", lambda: 16 * 999 + 12 * 990)
    made = keras.layers.Dense(10)
    too_many = pytest.raises(UserError, match="toy has at least 1,000 weights")
    with too_many, building.fitting_into_memory("toy"):
        made.build((99,))
    assert [weight.shape for weight in made.weights] == [(99, 10)]
    assert keras.layers.Layer.add_weight is add_weight


def test_the_free_memory_of_this_machine_is_known():
    free = devices.free_memory()
    assert free is None or 1e8 < free < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
