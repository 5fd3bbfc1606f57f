"""Networks that compute in 16 bits: steps of every row, the scale of a loss, what is kept."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests import zoo
from tests.support import servers, small
from tests.support.trained import put, state
from tests.zoo import EACH, LOOKED_AT, ROWS
from tfgen import precision, settings
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.training.checkpoints import Checkpoints
from tfgen.training_state import TrainingState


def row_of(name):
    return next(row for row in ROWS if row.id == name)


def built(row, computing):
    with precision.computing(computing):
        return row.build()


def layers_in(model, dtype):
    return [part for part in model._flatten_layers() if part.compute_dtype == dtype]


@pytest.mark.parametrize("row", EACH)
def test_a_step_in_bfloat16_is_finite(row):
    model = built(row, "bfloat16")
    terms = model.train_step(row.batch())
    assert {value.dtype for value in terms.values() if value.dtype.is_floating} == {tf.float32}
    assert all(np.isfinite(value) for value in terms.values())
    assert all(np.isfinite(weight).all() and weight.dtype != "bfloat16" for weight in model.weights)
    assert precision.said(model).startswith(
        "`precision=bfloat16` changes nothing" if model.always_float32 else "Networks compute in"
    )
    if model.can("sample"):
        assert model.sample([1], conditions.defaults(model.condition, 1)).dtype == tf.float32


def test_layers_made_later_are_as_before():
    with pytest.raises(RuntimeError), precision.computing("float16"):
        raise RuntimeError
    assert keras.layers.Dense(1).compute_dtype == "float32"


def left_out(part):
    return part.training_only() if isinstance(part, TrainingState) else []


# A row of each family in float16.
FAMILIES = [
    pytest.param(row_of(name), id=name, marks=() if name == "dcgan" else pytest.mark.slow)
    for name in (*LOOKED_AT, "progan", "realnvp", "cyclegan")
]


@pytest.mark.parametrize("row", FAMILIES)
def test_a_run_in_float16_goes_on_bit_for_bit_and_its_files_are_float32(row, tmp_path):
    model = built(row, "float16")
    model.train_step(row.batch(seed=0))
    Checkpoints(tmp_path, model).save(1)
    another = built(row, "float16")
    Checkpoints(tmp_path, another).restore(print)
    for one in (model, another):
        one.train_step(row.batch(seed=1))
    assert all(np.array_equal(a, b) for a, b in zip(state(model), state(another), strict=True))
    assert all(np.isfinite(weight).all() for weight in model.weights)

    model.save_networks(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not layers_in(loaded, "float16")
    rest = {id(weight) for part in loaded._flatten_layers() for weight in left_out(part)}
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        assert np.array_equal(ours, theirs) or id(theirs) in rest
    if model.can("sample") and row.id in zoo.KINDS.values():
        plain = row.build()
        plain.set_weights(model.get_weights())
        label = conditions.defaults(model.condition, 2)
        assert np.array_equal(loaded.sample([1, 2], label), plain.sample([1, 2], label))


def own_network(inputs, outputs):
    last = keras.layers.Dense(outputs[0], dtype="float32")
    return keras.Sequential([keras.Input(inputs), keras.layers.Flatten(), last])


def test_a_network_of_ones_own_is_kept_in_float32():
    row = zoo.Row("vae", dict(latent_dim=2, width=3, encoder=own_network), None)
    model = built(row, "bfloat16")
    assert len(layers_in(model.encoder, "bfloat16")) > 1
    assert "bfloat16" not in json.dumps(model.get_config()["encoder"]["config"]["layers"])
    assert not layers_in(model.without_optimizers(), "bfloat16")


def test_a_network_that_ends_in_16_bits_is_refused():
    with precision.computing("bfloat16"):
        model = small.make()
        model.G = keras.Sequential([keras.Input([2]), keras.layers.Dense(3)], name="short")
    with pytest.raises(UserError, match=r"'short' of Small gives bfloat16.*dtype=\"float32\""):
        precision.check(model)


def test_an_unknown_precision_is_refused():
    config = settings.find("vae")
    config.precision = "half"
    with pytest.raises(UserError, match="`precision` is 'half', but must be one of float32, bf"):
        settings.check(config)


@pytest.mark.parametrize("computing", [pytest.param("bfloat16", marks=pytest.mark.slow), "float16"])
def test_a_run_says_its_precision_and_leaves_float32(computing, tmp_path, capfd):
    changes = dict(steps=2, log_every=2, save_every=2, precision=computing)
    run = tfgen.train(small.FILE, "digits", workdir=tmp_path / "run", settings=changes)
    assert not layers_in(run.model, computing)
    assert f"Networks compute in {computing}" in capfd.readouterr().out
    assert ("| skipped steps | 0 |" in run.dir.card.read_text()) == (computing == "float16")


# --- the scale of a loss --------------------------------------------------------------------------


@pytest.fixture
def scaled():
    """(a loss scale, the weight that its optimizer trains) after a step along a gradient of 1."""
    weight = keras.Variable([1.0, 2.0])
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([weight])
    scale = precision.LossScale(optimizer)
    scale.apply([tf.fill([2], scale.START)], [weight])
    return scale, weight


def test_a_gradient_is_divided_by_the_scale(scaled):
    scale, weight = scaled
    plain = keras.Variable([1.0, 2.0])
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.apply([tf.ones([2])], [plain])
    assert np.array_equal(weight, plain)
    assert np.array_equal(scale.optimizer._momentums[0], optimizer._momentums[0])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_an_overflow_is_skipped_and_counted(scaled, bad):
    scale, weight = scaled
    before = [v.numpy() for v in (weight, *scale.optimizer.variables[:-3])]
    scale.apply([tf.constant([bad, 1.0])], [weight])
    after = [v.numpy() for v in (weight, *scale.optimizer.variables[:-3])]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert (scale.scale.numpy(), scale.skipped.numpy()) == (scale.START / 2, 1)
    scale.apply([tf.ones([2])], [weight])
    assert not np.array_equal(weight, after[0])
    assert int(scale.optimizer.iterations) == 2


def test_the_scale_grows_after_steps_without_overflow(scaled, monkeypatch):
    monkeypatch.setattr(precision.LossScale, "PATIENCE", 3)
    scale, weight = scaled
    seen = []
    for gradient in (1.0, 1.0, 1.0, np.inf, 1.0, 1.0, 1.0):
        scale.apply([tf.fill([2], gradient)], [weight])
        seen.append(float(scale.scale) / scale.START)
    assert seen == [1, 2, 2, 1, 1, 1, 2]


def test_steps_without_a_finite_gradient_are_no_divergence():
    row = row_of("dcgan")
    model = built(row, "float16")
    model.loss_scales["D"].scale.assign(np.inf)
    terms = model.train_step(row.batch())
    assert all(np.isfinite(value) for value in terms.values())
    assert int(model.finite_steps) == int(model.step) == 1
    assert precision.skipped_steps(model) == 1
    counts = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    assert counts == {"G": 1, "D": 0}


@pytest.mark.parametrize(
    "name", ["wgan_gp", *(pytest.param(n, marks=pytest.mark.slow) for n in ("r1_gan", "progan"))]
)
def test_the_scale_is_in_no_loss_and_no_penalty(name):
    """A power of two rounds nothing in float32: the step is the same, bit for bit."""
    row = row_of(name)
    model = row.build()
    before = state(model)
    terms = model.train_step(row.batch())
    wanted = state(model)
    put(model, before)
    model.loss_scales = {n: precision.LossScale(one) for n, one in model.optimizers.items()}
    again = model.train_step(row.batch())
    assert {k: float(v) for k, v in again.items()} == {k: float(v) for k, v in terms.items()}
    scaled = {id(v) for scale in model.loss_scales.values() for v in scale.own}
    slots = [v for one in model.optimizers.values() for v in one.variables if id(v) not in scaled]
    for variable, value in zip([*model.weights, *slots], wanted, strict=True):
        assert np.array_equal(variable, value), variable.path
    assert precision.skipped_steps(model) == 0


@pytest.mark.slow
def test_two_replicas_skip_the_overflow_of_one():
    found = servers.replicas_tell("overflow")
    assert found["finite"]["moved"]
    assert found["finite"]["skipped"] == 0
    assert found["overflow"] == {"moved": [], "skipped": 1, "agree": True}
