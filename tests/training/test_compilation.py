"""Steps compiled by XLA: whose losses they have, what they are given, and what if XLA cannot."""

import types

import numpy as np
import pytest
import tensorflow as tf

from tests import zoo
from tests.support import runs, small
from tests.support.trained import trained
from tfgen import data
from tfgen.compiling import compiled
from tfgen.data import pipeline
from tfgen.training import building, compilation, optimizers

CHANGES = dict(steps=40, log_every=10, save_every=10, compile="xla")


# A compilation takes 2 to 20 s, so the suite holds a row of each way to take a step, and `-m long`
# all of them.
@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=() if row.id in zoo.LOOKED_AT else pytest.mark.long, id=row.id)
        for row in zoo.ROWS
    ],
)
def test_a_compiled_step_has_the_losses_of_the_traced_one(row):
    """Terms that are a difference of large ones, as the total correlation, are rounded by those."""
    known, model = trained(row).terms, row.build()
    if row.id == "wgan":  # a bias has a gradient of rounding alone, whose size Adam divides by
        known = terms_of(_with_epsilon(row.build()), row, jit_compile=False)
        model = _with_epsilon(model)
    for found, wanted in zip(terms_of(model, row, jit_compile=True), known, strict=False):
        size = max(map(abs, found.values()))
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-5 * size)


def terms_of(model, row, jit_compile):
    """What three compiled steps say."""
    step = compiled(model.train_step, jit_compile=jit_compile)
    return [{k: float(v) for k, v in step(row.batch(seed=i)).items()} for i in range(3)]


def _with_epsilon(model):
    model.compile({name: optimizers.Adam(1e-3, epsilon=1e-3) for name in model.trained()})
    return model


def test_a_batch_made_on_the_device_is_the_batch_of_the_pipeline():
    training = data.open_source("digit_styles").load("train")
    wanted = data.batches(training, 6, seed=3, start=4, flip=True)
    recipes = pipeline.recipes(training, 6, seed=3, start=4, flip=True)
    held = {key: tf.constant(value) for key, value in pipeline.held(training).items()}
    assert set(held) >= {"image", "other"}
    for batch, recipe in tf.data.Dataset.zip(wanted, recipes).take(3):
        found = pipeline.gathered(held, recipe)
        assert set(found) == set(batch)
        assert all(np.array_equal(found[key], batch[key]) for key in batch)


@pytest.mark.slow  # three runs of XLA's compilation, 10 s each way
@pytest.mark.parametrize("memory", [pipeline.MEMORY_LIMIT, 0], ids=["held", "streamed"])
def test_a_compiled_run_is_the_run_and_goes_on_at_the_bit(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", memory)
    plain, whole, longer = (tmp_path / name for name in ("plain", "whole", "longer"))
    runs.go(small.FILE, runs.config(small.FILE, **CHANGES | {"compile": "none"}), plain)
    said = []
    runs.go(small.FILE, runs.config(small.FILE, **CHANGES), whole, said.append)
    assert "Steps run compiled by XLA: `compile` is xla." in said
    for steps in (20, 40):
        runs.go(small.FILE, runs.config(small.FILE, **CHANGES | {"steps": steps}), longer)
    runs.assert_same_run(whole, longer)
    losses = [np.loadtxt(run / "log.csv", delimiter=",", skiprows=1) for run in (plain, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_what_xla_cannot_compile_is_named_and_runs_op_by_op():
    def step(batch):
        host = tf.numpy_function(lambda x: x.sum(), [batch["x"]], tf.float32, name="of_the_host")
        return {"loss": tf.ensure_shape(host, [])}

    said = []
    model = types.SimpleNamespace(terms=("loss",), train_step=step)
    train = compilation.train_function(model, None, 0, said.append)
    calls = iter([{"x": tf.reshape(tf.range(6.0), [2, 3])}] * 2)
    assert [float(train(calls)["loss"]) for _ in range(2)] == [12.0, 12.0]
    (line,) = said
    assert line.startswith("Steps run op by op: XLA does not compile ")
    assert "of_the_host" in line


def test_what_replicas_have_done_of_a_step_that_xla_cannot_compile_is_put_back():
    moved, calls = tf.Variable(1.0), []

    def fails_once(x):
        calls.append(1)
        if len(calls) == 1:
            raise tf.errors.InvalidArgumentError(None, None, "XLA has no such thing {{node here}}")
        return x

    def traced(compiled):
        def step(x):
            return tf.numpy_function(fails_once, [moved.assign_add(x)], tf.float32)

        return tf.function(step)

    said, model = [], types.SimpleNamespace(variables=[moved], optimizers={})
    step, found = compilation.tried(model, traced, tf.constant(2.0), said.append)
    assert [float(found), float(step(2.0))] == [3.0, 5.0]
    assert said == ["Steps run op by op: XLA does not compile here."]


def test_an_error_of_the_step_itself_is_not_taken_for_one_of_xla():
    def step(batch):
        return {"loss": tf.debugging.check_numerics(tf.reduce_sum(batch["x"]), "the sum")}

    model = types.SimpleNamespace(terms=("loss",), train_step=step)
    train = compilation.train_function(model, None, 0, pytest.fail)
    assert float(train(iter([{"x": tf.ones([2, 3])}]))["loss"]) == 3.0


@pytest.mark.parametrize(
    ("devices", "compile", "deterministic", "replicas", "compiled"),
    [
        ([], "auto", False, 1, False),
        ([], "xla", True, 1, True),
        ([], "xla", True, 2, True),
        ([], "auto", False, 2, False),
        (["a GPU"], "auto", False, 1, True),
        (["a GPU"], "auto", True, 1, False),
        (["a GPU"], "xla", True, 1, True),
        (["a GPU"], "none", False, 1, False),
        (["a GPU", "another"], "auto", True, 2, False),
        (["a GPU", "another"], "auto", False, 2, True),
    ],
)
def test_what_is_chosen_and_said(devices, compile, deterministic, replicas, compiled, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: devices)
    chosen, why = compilation.chosen(compile, deterministic, replicas)
    assert chosen == compiled
    assert why.startswith(f"Steps run {'compiled by XLA' if compiled else 'op by op'}: ")
    assert (f"{replicas} replicas" in why) == (compiled and replicas > 1)
    assert (f"`compile` is {compile}" in why) == (compile != "auto")


def test_a_call_ends_where_something_is_to_be_done():
    config = runs.config(small.FILE, steps=1000, log_every=100, save_every=100)
    found = [building.steps_per_execution(config, 1, start, 25) for start in (0, 500, 70, 33)]
    assert found == [25, 25, 10, 1]
    assert building.steps_per_execution(config, 2, 0, 25) == 1
