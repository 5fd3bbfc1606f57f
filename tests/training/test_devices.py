"""How many threads TensorFlow gets."""

import functools
import os

import pytest
import tensorflow as tf

from tfgen.training import devices


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
