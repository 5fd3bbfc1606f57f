"""Steps compiled by XLA: whose losses they have, what they are given, and what if XLA cannot."""

import functools
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
# all of them, and those that are fused.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "how"),
    [
        pytest.param(
            *(row, how),
            marks=() if how == "xla" and row.id in zoo.LOOKED_AT else pytest.mark.long,
            id=row.id if how == "xla" else f"{row.id}-{how}",
        )
        for how in ("xla", "fused")
        for row in zoo.ROWS
    ],
)
def test_a_compiled_step_has_the_losses_of_the_traced_one(row, how):
    """Terms that are a difference of large ones, as the total correlation, are rounded by those."""
    known, model = trained(row).terms, row.build()
    if row.id == "wgan":  # a bias has a gradient of rounding alone, whose size Adam divides by
        known = terms_of(_with_epsilon(row.build()), row, "none")
        model = _with_epsilon(model)
    for found, wanted in zip(terms_of(model, row, how), known, strict=False):
        size = max(map(abs, found.values()))
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-5 * size)


def terms_of(model, row, how):
    """What three compiled steps say."""

    @functools.partial(compiled, jit_compile=how == "xla")
    def step(batch):
        with compilation.marked("fused" if how == "fused" else "none"):
            return model.train_step(batch)

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
@pytest.mark.parametrize(
    ("memory", "how", "line"),
    [
        (pipeline.MEMORY_LIMIT, "xla", "Steps run compiled by XLA: `compile` is xla."),
        (0, "xla", "Steps run compiled by XLA: `compile` is xla."),
        (
            *(pipeline.MEMORY_LIMIT, "fused"),
            "Steps run fused by XLA between their products: `compile` is fused.",
        ),
    ],
    ids=["held", "streamed", "fused"],
)
def test_a_compiled_run_is_the_run_and_goes_on_at_the_bit(memory, how, line, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", memory)
    plain, whole, longer = (tmp_path / name for name in ("plain", "whole", "longer"))
    changes = CHANGES | {"compile": how}
    runs.go(small.FILE, runs.config(small.FILE, **CHANGES | {"compile": "none"}), plain)
    said = []
    runs.go(small.FILE, runs.config(small.FILE, **changes), whole, said.append)
    assert line in said
    for steps in (20, 40):
        runs.go(small.FILE, runs.config(small.FILE, **changes | {"steps": steps}), longer)
    runs.assert_same_run(whole, longer)
    losses = [np.loadtxt(run / "log.csv", delimiter=",", skiprows=1) for run in (plain, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def with_step(step, *variables):
    return types.SimpleNamespace(
        terms=("loss",), train_step=step, variables=variables, optimizers={}
    )


def test_what_xla_cannot_compile_is_named_and_runs_op_by_op():
    def step(batch):
        host = tf.numpy_function(lambda x: x.sum(), [batch["x"]], tf.float32, name="of_the_host")
        return {"loss": tf.ensure_shape(host, [])}

    said = []
    model = with_step(step)
    train = compilation.train_function(model, None, 0, "xla", said.append)
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

    said, model = [], with_step(None, moved)
    step, found = compilation.tried(model, traced, tf.constant(2.0), said.append)
    assert [float(found), float(step(2.0))] == [3.0, 5.0]
    assert said == ["Steps run op by op: XLA does not compile here."]


def test_an_error_of_the_step_itself_is_not_taken_for_one_of_xla():
    def step(batch):
        return {"loss": tf.debugging.check_numerics(tf.reduce_sum(batch["x"]), "the sum")}

    train = compilation.train_function(with_step(step), None, 0, "xla", pytest.fail)
    assert float(train(iter([{"x": tf.ones([2, 3])}]))["loss"]) == 3.0


@pytest.mark.parametrize(
    ("devices", "compile", "deterministic", "replicas", "chosen"),
    [
        ([], "auto", False, 1, "none"),
        ([], "xla", True, 1, "xla"),
        ([], "xla", True, 2, "xla"),
        ([], "fused", True, 1, "fused"),
        ([], "auto", False, 2, "none"),
        (["a GPU"], "auto", False, 1, "xla"),
        (["a GPU"], "auto", True, 1, "none"),
        (["a GPU"], "xla", True, 1, "xla"),
        (["a GPU"], "none", False, 1, "none"),
        (["a GPU", "another"], "auto", True, 2, "none"),
        (["a GPU", "another"], "auto", False, 2, "xla"),
        (["a GPU", "another"], "fused", True, 2, "fused"),
    ],
)
def test_what_is_chosen_and_said(devices, compile, deterministic, replicas, chosen, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: devices)
    found, why = compilation.chosen(compile, deterministic, replicas)
    assert found == chosen
    how = {"xla": "compiled by XLA", "fused": "fused by XLA between their products"}
    assert why.startswith(f"Steps run {how.get(chosen, 'op by op')}: ")
    assert (f"{replicas} replicas" in why) == (chosen != "none" and replicas > 1)
    assert (f"`compile` is {compile}" in why) == (compile != "auto")


def test_a_call_ends_where_something_is_to_be_done():
    config = runs.config(small.FILE, steps=1000, log_every=100, save_every=100)
    found = [building.steps_per_execution(config, 1, start, 25) for start in (0, 500, 70, 33)]
    assert found == [25, 25, 10, 1]
    assert building.steps_per_execution(config, 2, 0, 25) == 1
