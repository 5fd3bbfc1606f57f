"""What must be true of every model, over the rows of `zoo.py`."""

import dataclasses
import inspect
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import zoo
from tests.support import graphs
from tests.support.trained import STEPS, put, state, trained
from tests.zoo import EACH
from tfgen import models, random, settings
from tfgen.compiling import compiled
from tfgen.data import ImageData, conditions
from tfgen.declared import Network
from tfgen.errors import UserError
from tfgen.exporting import golden
from tfgen.layers import Dropout
from tfgen.model import GenerativeModel
from tfgen.training.checkpoints import Checkpoints
from tfgen.training_state import TrainingState


@pytest.fixture(scope="module", params=EACH)
def row(request):
    return request.param


@pytest.fixture(scope="module")
def known(row):
    """The row's model after some compiled steps, see `Trained`."""
    return trained(row)


@pytest.fixture(scope="module")
def model(known):
    return known.model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """The file of the row's model."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save_networks(path)
    return path


def test_parameter_count(row, model):
    if row.parameters is None:
        pytest.skip("of a user's own model nobody has counted them by hand")
    assert model.parameter_count() == row.parameters


def test_the_weights_that_count_are_those_that_move(row, known):
    """Adam moves a weight once it has had a gradient; of masked models some never have.

    Where a relu is the only way out, a unit of a tiny network may be dead besides.
    """
    if not known.model.idle():
        return  # all weights count, and that all of them move is a test of its own
    trainable = {w.path for w in known.model.trainable_variables}
    moved = zip(known.model.weights, known.before, known.after, strict=False)
    count = sum(int(np.sum(a != b)) for w, b, a in moved if w.path in trainable)
    if row.name in ("fvsbn", "nade", "nice", "realnvp"):
        assert count == row.parameters
    assert count <= known.model.parameter_count()


def test_no_two_kernels_are_equal_at_birth(known):
    trained = {w.path for w in known.model.trainable_variables if w.path.endswith("kernel")}
    born = zip(known.model.weights, known.before, strict=False)
    kernels = [value for weight, value in born if weight.path in trained]
    for i, a in enumerate(kernels):
        for b in kernels[:i]:
            assert a.shape != b.shape or not np.array_equal(a, b)


# D and G of a ProGAN are shown the same latents, as a GAN's are, and each makes them anew.
DRAWN_ANEW = {"progan": ["z"]}


class Draws:
    """Every draw from `tfgen.random` as (seed, stream), but for dropout and the steps' seeds."""

    def __init__(self, model, monkeypatch, same=()):
        self.found, bits = [], random.bits
        layers = [layer for layer in model._flatten_layers() if isinstance(layer, Dropout)]
        self.dropout = [layer.stream for layer in layers]

        def recorded(seeds, stream, counters):
            # A step has one mask for each layer, however often it is called.
            if stream not in ("training", *self.dropout, *same):
                self.found += [(int(seed), stream) for seed in np.asarray(seeds)]
            return bits(seeds, stream, counters)

        monkeypatch.setattr(random, "bits", recorded)


def test_no_two_draws_share_their_numbers(known, model, monkeypatch):
    """In a step of training, in what a sample is made of, and along a chain."""
    draws = Draws(model, monkeypatch, DRAWN_ANEW.get(known.row.name, ()))
    assert len(set(draws.dropout)) == len(draws.dropout)
    x = np.full((2, *model.image_shape), 0.5, np.float32)
    # A thousand apart, for seeds that are counted on.
    seeds = tf.constant([0, 1000])
    with known.kept():
        for make in (
            lambda: model.train_step(known.row.batch(8)),
            lambda: model.can("noise") and model.noise(seeds),
            lambda: model.can("mixing") and model.mixing(x, seeds, steps=3),
        ):
            draws.found.clear()
            make()
            assert len(set(draws.found)) == len(draws.found)


def still(known):
    """The paths of the weights that the steps have left as they were."""
    moved = zip(known.model.weights, known.before, known.after, strict=False)
    return [weight.path for weight, before, after in moved if np.array_equal(before, after)]


def test_steps_are_finite_and_every_weight_moves(known):
    model = known.model
    assert [set(t) for t in known.terms] == [set(model.terms)] * STEPS
    assert all(np.isfinite(v) for t in known.terms for v in t.values())
    trainable = {w.path for w in model.trainable_variables}
    assert trainable & set(still(known)) == set()


def test_every_trainable_weight_has_one_optimizer(model):
    owned = [w.path for weights in model.trained().values() for w in weights]
    assert sorted(owned) == sorted(w.path for w in model.trainable_variables)


def test_steps_are_counted_and_summed(known):
    model = known.model
    assert int(model.step) == int(model.finite_steps) == STEPS
    counts = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    if set(counts) == set(model.trained()):
        assert counts == {name: STEPS * model.updates(name) for name in counts}
    else:  # each owns a part, and they take turns
        assert sum(counts.values()) == STEPS
    sums = [sum(t[name] for t in known.terms) for name in model.terms]
    np.testing.assert_allclose(model.interval_sums.numpy(), sums, rtol=1e-6)


def test_a_step_is_a_function_of_seed_and_step(row, known):
    """The same steps from the same start end at the same bits: no state but what is saved."""
    with known.kept():
        put(known.model, known.before)
        for i in range(STEPS):
            known.step(row.batch(seed=i))
        assert_same(state(known.model), known.after)


def test_another_model_begins_and_goes_on_as_the_first(row, known, tmp_path):
    """Made anew, from the seed and from a checkpoint: all that a step depends on.

    A row of each family is traced anew, whose graph must give the same bits; the others take a step
    op by op, and a row whose parent takes the same steps none.
    """
    another = row.build()
    assert_same(state(another), known.before)
    Checkpoints(tmp_path, known.model).save(STEPS)
    assert Checkpoints(tmp_path, another).restore(print) == STEPS
    assert_same(state(another), known.after)
    if row.parent and models.find(row.parent).train_step is type(another).train_step:
        return
    traced = row.id in zoo.LOOKED_AT
    steps = another.train_step, known.model.train_step
    if traced:
        steps = compiled(another.train_step), known.step
    with known.kept():
        for i, model_step in enumerate(steps):
            keras.utils.set_random_seed(i)  # in whose numbers nothing may have a part
            model_step(row.batch(seed=STEPS))
        assert_same(state(another), state(known.model))
    if traced:
        put(another, known.before)
        assert {k: float(v) for k, v in steps[0](row.batch(seed=0)).items()} == known.terms[0]


def assert_same(one, other):
    """Two states of a model, bit for bit."""
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_step_reads_no_weight_that_it_has_changed(known):
    """Where the graph says that a read comes before a write, the optimized graph says so too."""
    assert any(len(before.node) > 50 for before, _ in known.seen)
    assert [graphs.lost_orders(*pair) for pair in known.seen] == [[]] * len(known.seen)


def test_no_step_has_a_sum_that_threads_share(known):
    """`tests/layers/test_residual.py` has what they would."""
    assert [graphs.fused_sums(after) for _, after in known.seen] == [[]] * len(known.seen)


def test_a_lost_order_is_found():
    x = tf.Variable([1.0, 2.0])

    @compiled
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


def test_it_learns_one_batch(row, known):
    """Each player of a game while the others stand still, for games go round; all of the rest."""
    model, batch = known.model, row.batch(seed=0)
    # A critic that learns meanwhile raises what the VAE pays.
    steps = 61 if row.name == "factor_vae" else 31
    turns = {None: model.terms[0]}
    if {"G", "D"} <= set(model.optimizers):
        turns = {"D": "d_loss", "G": "g_loss" if "g_loss" in model.terms else "loss"}
    with known.kept():
        put(model, known.before)
        for player, name in turns.items():
            for other, optimizer in model.optimizers.items():
                optimizer.learning_rate = 0.01 if player in (other, None) else 0.0
            history = [known.step(batch) for _ in range(steps)]
            # What grows is compared with itself of the same size.
            stage = float(history[-1].get("stage", 0))
            of_stage = [float(t[name]) for t in history if float(t.get("stage", 0)) == stage]
            assert of_stage[-1] < of_stage[0], name


SEEDS = [5, 0, -7, 2**31 - 1, 1]


def test_what_is_made_is_images(row, known):
    """Of seeds, or of images of the other domain; all differ."""
    images = known.make(golden.request(known.model, SEEDS))
    assert images.shape == (5, *row.image_shape)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert len({image.tobytes() for image in images}) == 5


def test_a_seed_is_an_image_in_any_batch_and_call(known):
    inputs = golden.request(known.model, SEEDS)
    images = known.make(inputs)
    assert np.array_equal(images, known.make(inputs))
    for i in range(5):
        alone = known.make(zoo.rows_of(inputs, i, i + 1))
        np.testing.assert_allclose(alone[0], images[i], atol=2e-6)


def test_making_images_changes_nothing(known):
    known.make(golden.request(known.model, SEEDS))
    assert_same(state(known.model), known.after)


def test_batch_statistics_move_in_training(known):
    assert not [path for path in still(known) if "moving_" in path]


def test_generate_is_a_function_of_its_noise(row, model):
    """Which `sample` decides: tried with one row of each kind, and with those that have their own.

    In each precision of a LiteRT file, `exporting/test_tflite.py` tries all that are exported.
    """
    assert model.can("noise") == model.can("generate") == model.can("sample")
    if not model.can("noise"):
        return
    noise = model.noise(tf.range(3))
    assert all(v.shape[0] == 3 and v.dtype == tf.float32 for v in noise.values())
    if row.id in zoo.KINDS.values() or type(model).sample is not GenerativeModel.sample:
        labels = conditions.defaults(model.condition, 3)
        assert np.array_equal(model.generate(noise, labels), model.sample(tf.range(3), labels))


def test_samples_are_decoded_from_draws_of_the_prior(known):
    """Where a sample is a draw from p(x|z), its mean over draws is what z is decoded to."""
    model, seeds = known.model, tf.constant(SEEDS)
    if not (model.can("decode") and model.can("draw_prior")):
        return
    labels = conditions.defaults(model.condition, len(SEEDS))
    decoded = np.asarray(model.decode(model.draw_prior(seeds, labels), labels))
    if not getattr(model, "draw", False):
        np.testing.assert_allclose(decoded, model.sample(seeds, labels), atol=2e-6)
        return
    noise = model.noise(tf.repeat(seeds[:1], 2000))
    images = model.generate(noise | {"u": model.noise(tf.range(2000))["u"]}).numpy()
    error = images.std(axis=0) / np.sqrt(len(images))
    assert (np.abs(images.mean(axis=0) - decoded[0]) < 5 * error).all()


def test_save_and_load(row, model, saved):
    loaded = keras.saving.load_model(saved)
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    rest = {id(weight) for weight in training_only(loaded)}
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        assert np.array_equal(ours, theirs) or id(theirs) in rest
    if row.id in zoo.KINDS.values():
        inputs = golden.request(model, [1, 2])
        assert np.array_equal(golden.answer(loaded, inputs), golden.answer(model, inputs))


def training_only(model):
    """The weights that checkpoints have and model files have not, of the model and its layers."""
    parts = [part for part in model._flatten_layers() if isinstance(part, TrainingState)]
    return [weight for part in parts for weight in part.training_only()]


def test_what_training_alone_needs_is_left_out_of_files(known, model, saved, tmp_path):
    """Nothing that is exported reads it, and no measurement on held-out images.

    The counters that all models have are tried with a row of each kind.
    """
    rest, shared = training_only(model), GenerativeModel.training_only(model)
    assert not {weight.path for weight in rest} & {w.path for w in model.trainable_variables}
    exported = known.compiled_endpoints.values() if not known.row.parent else ()  # as its parent
    for function in exported:
        read = {id(variable) for variable in function.get_concrete_function().variables}
        assert not read & {id(weight.value) for weight in rest}
    if len(rest) > len(shared) or known.row.id in zoo.KINDS.values():
        batch = known.row.batch()
        with known.kept():
            before = {name: float(value) for name, value in model.test_step(batch).items()}
            for weight in rest:
                weight.assign(tf.ones_like(weight))
            assert {name: float(value) for name, value in model.test_step(batch).items()} == before
    with zipfile.ZipFile(saved) as archive:
        archive.extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        stored = []
        file.visititems(lambda _, item: stored.append(item) if hasattr(item, "shape") else None)
        numbers = sum(item.size for item in stored)
    kept = {id(w): w for w in model.weights if id(w) not in {id(weight) for weight in rest}}
    assert numbers == sum(int(tf.size(weight)) for weight in kept.values())


def test_files_from_before_hold_all_weights_and_load(row, model, tmp_path, monkeypatch):
    if row.id not in ("cyclegan", "rbm", "pca", "vq_vae", *zoo.LOOKED_AT):
        return
    for kind in {type(part) for part in model._flatten_layers() if isinstance(part, TrainingState)}:
        monkeypatch.setattr(kind, "training_only", lambda part: [])
    model.save_networks(tmp_path / "model.keras")
    monkeypatch.undo()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(loaded.get_weights(), model.get_weights())


def test_data_without_labels_suit_all_but_who_learns_from_labels(row, model):
    if type(model).data_arguments.__func__ is not GenerativeModel.data_arguments.__func__:
        return  # of which the features have tests of their own
    about = ImageData("plain", "train", 9, row.image_shape, row.levels, (), (), None)
    if model.num_classes:
        with pytest.raises(UserError, match="learns from labels, and plain has none"):
            model.data_arguments(about, row.arguments)
        about = dataclasses.replace(about, classes=("a", "b"))
        assert model.data_arguments(about, row.arguments) == {"num_classes": 2}
    else:
        assert model.data_arguments(about, row.arguments) == {}
        assert model.data_arguments(about, model.get_config()) == {}


def test_held_out_terms(row, model):
    before = [w.numpy() for w in model.weights]
    terms = model.test_step(row.batch())
    assert set(terms) <= set(model.terms)
    assert all(np.isfinite(float(v)) for v in terms.values())
    assert all(np.array_equal(a, w.numpy()) for a, w in zip(before, model.weights, strict=True))


def test_codes(row, model):
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


def test_log_prob_of_an_image_does_not_depend_on_the_batch(row, model):
    assert model.can("log_prob") == (model.likelihood_kind != "implicit")
    if model.can("log_prob"):
        x = row.batch(16)["image"].astype(np.float32) / (row.levels - 1)
        draws = {"samples": 5} if model.can("elbo") else {}
        log_p = model.log_prob(x[:8], **draws).numpy()
        assert log_p.shape == (8,)
        assert (log_p < 0).all()
        # Among others, in another place.
        moved = np.concatenate([x[8:], x[:8]])[3:11]
        np.testing.assert_allclose(model.log_prob(moved, **draws)[5:], log_p[:3], rtol=1e-5)


def test_the_config_offers_every_argument_and_optimizer(row, model):
    config = settings.find(row.name)
    networks = {
        parameter.name
        for kind in type(model).__mro__
        for parameter in inspect.signature(kind.__init__).parameters.values()
        if parameter.annotation is Network
    }
    assert set(config.model) == set(model.get_config()) - networks - {
        "image_shape",
        "levels",
        "seed",
        "num_classes",
        "vocabulary",
        "examples",
    }
    assert set(config.optimizers) == set(model.trained())
    settings.check(config)


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
            "bound",
            "elbo",
        ):
            assert getattr(type(model), name, None) is getattr(parent, name, None), name


def test_the_file_reads_like_its_paper(model):
    text = inspect.getdoc(inspect.getmodule(type(model)))
    for part in ("https://", "Shapes:", "Departures from the paper:"):
        assert part in text, part
    assert model.likelihood_kind in ("exact", "lower bound", "estimate", "implicit")
