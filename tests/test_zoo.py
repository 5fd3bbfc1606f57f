"""What must be true of every model, over the rows of `zoo.py`."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from configs import base
from export import golden
from tests import graphs, zoo
from tests.zoo import EACH
from tfgen import models
from train.checkpoints import Checkpoints


@pytest.fixture(scope="module", params=EACH)
def row(request):
    return request.param


@pytest.fixture(scope="module")
def model(row):
    """A fresh model, not to be trained by tests that share it."""
    return row.build()


@pytest.fixture(scope="module")
def watched(row):
    """What `trained` gives, and the graphs of the step, see `optimized`."""
    model = row.build()
    before = {w.path: w.numpy() for w in model.weights}
    step = tf.function(model.train_step)
    first, seen = graphs.optimized(step, row.batch(seed=0))
    found = [first, *(step(row.batch(seed=i)) for i in (1, 2))]
    terms = [{k: float(v) for k, v in of_step.items()} for of_step in found]
    return model, before, terms, seen


@pytest.fixture(scope="module")
def trained(watched):
    """(model, weights before, terms of each step) after three compiled steps."""
    model, before, terms, _ = watched
    return model, before, terms


def test_parameter_count(row, model):
    assert sum(int(tf.size(w)) for w in model.trainable_variables) == row.parameters


def test_no_two_kernels_are_equal_at_birth(model):
    kernels = [w.numpy() for w in model.trainable_variables if w.path.endswith("kernel")]
    for i, a in enumerate(kernels):
        for b in kernels[:i]:
            assert a.shape != b.shape or not np.array_equal(a, b)


def test_steps_are_finite_and_every_weight_moves(trained):
    model, before, terms = trained
    assert [set(t) for t in terms] == [set(model.terms)] * 3
    assert all(np.isfinite(v) for t in terms for v in t.values())
    still = [w.path for w in model.trainable_variables if np.array_equal(before[w.path], w.numpy())]
    assert still == []


def test_every_trainable_weight_has_one_optimizer(model):
    owned = [w.path for weights in model.trained().values() for w in weights]
    assert sorted(owned) == sorted(w.path for w in model.trainable_variables)


def test_steps_are_counted_and_summed(trained):
    model, _, terms = trained
    assert int(model.step) == int(model.finite_steps) == 3
    for name, optimizer in model.optimizers.items():
        assert int(optimizer.iterations) == 3 * model.updates(name)
    sums = [sum(t[name] for t in terms) for name in model.terms]
    np.testing.assert_allclose(model.interval_sums.numpy(), sums, rtol=1e-6)


def test_a_step_is_a_function_of_seed_and_step(row, trained):
    model, _, _ = trained
    again = row.build()
    step = tf.function(again.train_step)
    for i in range(3):
        step(row.batch(seed=i))
    for a, b in zip(model.weights, again.weights, strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), a.path


def test_a_step_reads_no_weight_that_it_has_changed(watched):
    """Where the graph says that a read comes before a write, the optimized graph says so too."""
    *_, seen = watched
    assert any(len(before.node) > 50 for before, _ in seen)
    assert [graphs.lost_orders(*pair) for pair in seen] == [[]] * len(seen)


def test_a_lost_order_is_found():
    x = tf.Variable([1.0, 2.0])

    @tf.function
    def double():
        x.assign(tf.multiply(2.0, x.read_value(), name="times_two"))

    # Beside the function's graph there may be others, as a variable's making or of other tests.
    _, seen = graphs.optimized(double)
    [(before, after)] = [g for g in seen if any(n.name == "times_two" for n in g[0].node)]
    assert graphs.lost_orders(before, after) == []
    [write] = [n for n in after.node if n.op == "AssignVariableOp"]
    [constant] = [n.name for n in after.node if n.op == "Const"]
    write.input[1] = constant
    del write.input[2:]
    assert graphs.lost_orders(before, after) == [("Read/ReadVariableOp", write.name)]


def test_it_learns_one_batch(row):
    """Each player of a game while the others stand still, for games go round; all of the rest."""
    model, batch = row.build(), row.batch(16)
    step = tf.function(model.train_step)
    turns = {None: model.terms[0]}
    if {"G", "D"} <= set(model.optimizers):
        turns = {"D": "d_loss", "G": "g_loss" if "g_loss" in model.terms else "loss"}
    for player, name in turns.items():
        for other, optimizer in model.optimizers.items():
            optimizer.learning_rate = 0.01 if player in (other, None) else 0.0
        history = [step(batch) for _ in range(61)]
        # What grows is compared with itself of the same size.
        stage = float(history[-1].get("stage", 0))
        of_stage = [float(t[name]) for t in history if float(t.get("stage", 0)) == stage]
        assert of_stage[-1] < of_stage[0], name


def test_what_is_made_is_images(row, model):
    """Of seeds, or of images of the other domain; all differ, and none depends on its batch."""
    inputs = golden.request(model, np.arange(5))
    images = golden.answer(model, inputs)
    assert images.shape == (5, *row.image_shape)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert len({image.tobytes() for image in images}) == 5
    alone = golden.answer(model, zoo.rows_of(inputs, 3, 4))
    np.testing.assert_allclose(alone[0], images[3], atol=2e-6)


def test_a_seed_is_an_image_in_any_batch_and_call(trained):
    model, _, _ = trained
    if not model.can("sample"):
        assert model.can("translate")
        return
    sample, labels = tf.function(model.sample), model.conditions(4)
    images = sample(tf.constant([5, 0, -7, 2**31 - 1]), labels).numpy()
    assert np.array_equal(images, sample(tf.constant([5, 0, -7, 2**31 - 1]), labels).numpy())
    for i, seed in enumerate([5, 0, -7, 2**31 - 1]):
        label = None if labels is None else labels[i : i + 1]
        np.testing.assert_allclose(model.sample([seed], label)[0], images[i], atol=2e-6)


def test_sampling_changes_nothing(trained):
    model, _, _ = trained
    before = [w.numpy() for w in model.weights]
    golden.answer(model, golden.request(model, np.arange(4)))
    for old, weight in zip(before, model.weights, strict=True):
        assert np.array_equal(old, weight.numpy()), weight.path


def test_batch_statistics_move_in_training(trained):
    model, before, _ = trained
    for weight in model.weights:
        if "moving_" in weight.path:
            assert not np.array_equal(before[weight.path], weight.numpy()), weight.path


def test_generate_is_a_function_of_its_noise(model):
    assert model.can("noise") == model.can("generate") == model.can("sample")
    if not model.can("noise"):
        return
    noise = model.noise(tf.range(3))
    assert all(v.shape[0] == 3 and v.dtype == tf.float32 for v in noise.values())
    labels = model.conditions(3)
    assert np.array_equal(model.generate(noise, labels), model.sample(tf.range(3), labels))


def test_save_and_load(row, trained, tmp_path):
    model, _, _ = trained
    path = tmp_path / "model.keras"
    model.save_networks(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    inputs = golden.request(model, [1, 2])
    assert np.array_equal(golden.answer(loaded, inputs), golden.answer(model, inputs))


def test_a_checkpoint_holds_every_weight(row, trained, tmp_path):
    model, _, _ = trained
    Checkpoints(tmp_path, model).save(3)
    again = row.build()
    assert Checkpoints(tmp_path, again).restore(print) == 3
    slots = [[w for o in m.optimizers.values() for w in o.variables] for m in (model, again)]
    for a, b in zip([*model.weights, *slots[0]], [*again.weights, *slots[1]], strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), a.path


def test_held_out_terms(row, trained):
    model, _, _ = trained
    before = [w.numpy() for w in model.weights]
    terms = tf.function(model.test_step)(row.batch())
    assert set(terms) <= set(model.terms)
    assert all(np.isfinite(float(v)) for v in terms.values())
    assert all(np.array_equal(a, w.numpy()) for a, w in zip(before, model.weights, strict=True))


def test_codes(row, trained):
    model, _, _ = trained
    if not model.can("encode"):
        assert not model.can("reconstruct")
        return
    x = row.batch()["image"].astype(np.float32) / (row.levels - 1)
    codes = model.encode(x)
    assert codes["mean"].shape[0] == 8
    y = model.reconstruct(x).numpy()
    assert y.shape == x.shape
    assert y.min() >= 0
    assert y.max() <= 1
    np.testing.assert_allclose(model.reconstruct(x[:1])[0], y[0], atol=2e-6)


def test_log_prob_of_an_image_does_not_depend_on_the_batch(row, trained):
    model, _, _ = trained
    assert model.can("log_prob") == (model.density != "implicit")
    if model.can("log_prob"):
        x = row.batch()["image"].astype(np.float32) / (row.levels - 1)
        log_p = model.log_prob(x).numpy()
        assert log_p.shape == (8,)
        assert (log_p < 0).all()
        np.testing.assert_allclose(model.log_prob(x[2:3])[0], log_p[2], rtol=1e-5)


def test_the_config_offers_every_argument_and_optimizer(row, model):
    config = base.find(row.name)
    assert set(config.model) == set(model.get_config()) - {
        "image_shape",
        "levels",
        "seed",
        "num_classes",
        "vocabulary",
        "examples",
    }
    assert set(config.optimizers) == set(model.trained())
    base.check(config)


def test_a_model_with_a_parent_changes_its_training_alone(row, model):
    """So the gates of export, which run over the others, hold for it."""
    if row.parent:
        parent = models.find(row.parent)
        assert isinstance(model, parent)
        for name in (
            "noise",
            "latent",
            "generate",
            "sample",
            "encode",
            "reconstruct",
            "log_prob",
            "elbo",
        ):
            assert getattr(type(model), name, None) is getattr(parent, name, None), name


def test_the_file_reads_like_its_paper(model):
    text = inspect.getdoc(inspect.getmodule(type(model)))
    for part in ("https://", "Shapes:", "Departures from the paper:"):
        assert part in text, part
    assert model.density in ("exact", "lower bound", "estimate", "implicit")
