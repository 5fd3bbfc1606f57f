"""The front door: `tfgen.train` and `tfgen.load` from Python, with arrays and own networks."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests.conftest import ROOT
from tests.support import fenced, runs
from tests.support.mine import IMAGES, LABELS, TINY, Count, make, my_decoder, my_encoder, train
from tfgen import data, models, settings
from tfgen.data import in_memory
from tfgen.errors import UserError
from tfgen.exporting import tflite
from tfgen.model import GenerativeModel
from tfgen.models import VAE
from tfgen.run import Run
from tfgen.training import front


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(the run, the callback that saw it)."""
    seen = Count()
    changes = {"eval_every": 20}
    path = tmp_path_factory.mktemp("front") / "run"
    return train(path, callbacks=[seen], settings=changes), seen


def test_a_model_of_own_networks_trains_on_arrays(trained):
    run, seen = trained
    assert (run.name, run.config["data"]["name"], run.config["steps"]) == ("vae", "arrays", 40)
    assert seen.batches > 0
    images = run.sample(range(4))
    assert images.shape == (4, 8, 8, 1)
    assert images.dtype == np.float32
    # What the command leaves, the function leaves.
    for left in ("config.json", "log.csv", "validation.csv", "model.keras", "card.md"):
        assert (run / left).exists(), left
    assert run.dir.sample_grids().keys() == {0, 20, 40}


def test_what_is_loaded_is_what_was_trained(trained):
    run, _ = trained
    loaded, keras_model = tfgen.load(run.path), keras.models.load_model(run / "model.keras")
    assert isinstance(loaded, Run)
    assert isinstance(loaded.model, keras.Model)
    for other in (loaded.sample([1, 7]), keras_model.sample([1, 7]).numpy()):
        assert np.array_equal(other, run.sample([1, 7]))


@pytest.mark.slow
@pytest.mark.parametrize("first", ["tfgen, keras", "keras, tfgen"])
def test_keras_alone_loads_the_model_after_import_tfgen(trained, first):
    """In a process of its own, where no model has been imported."""
    path = str(trained[0] / "model.keras")
    code = f"import {first}; print(keras.models.load_model({path!r}).sample([7]).numpy().sum())"
    done = runs.run([sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(trained[0].sample([7]).sum(), rel=1e-5)


def test_a_method_of_the_model_still_works_on_what_load_gives(trained):
    with pytest.warns(DeprecationWarning, match=r"write run\.model\.encode"):
        codes = tfgen.load(trained[0].path).encode(IMAGES[:2, ..., None])
    assert codes["mean"].shape == (2, 3)
    with pytest.raises(AttributeError, match="no 'nonsense'"):
        _ = tfgen.load(trained[0].path).nonsense


@pytest.mark.slow
def test_arrays_are_asked_for_in_another_process(trained):
    run = tfgen.load(trained[0].path)
    with pytest.raises(UserError, match=r"trained on arrays.*evaluate\(data="):
        run.evaluate(n=100, k=2)
    with pytest.raises(UserError, match=r"the fingerprint \w+, and the run was trained on \w+"):
        run.evaluate(IMAGES[:-1], labels=LABELS[:-1], n=100, k=2)
    content = run.evaluate(IMAGES, labels=LABELS, k=2, parts=["likelihood"])
    assert content["results"]["nll"] > 0
    assert run.report().exists()


def test_a_class_is_left_out_of_arrays_too():
    config = settings.find("vae")
    config.data.leave_out = "3"
    train, held_out = front._source(IMAGES, LABELS, None, None, config).training_and_validation(
        "train"
    )
    for split in (train, held_out):
        assert split.classes == tuple("012456789")
    assert train.size + held_out.size == np.sum(LABELS != 3)


def test_the_same_call_again_has_nothing_to_do(trained, tmp_path):
    run, _ = trained
    before = (run / "card.md").read_bytes()
    again = train(run.path, settings={"eval_every": 20})
    assert (run / "card.md").read_bytes() == before
    assert np.array_equal(again.sample([3]), run.sample([3]))


@pytest.mark.slow
def test_a_run_of_more_steps_is_the_longer_run(tmp_path):
    """Bit for bit, where no rate falls: in weights, in the log, where the first run ended within
    an interval of the log too."""
    constant = {"optimizers.vae.decay": "none", "eval_every": 0}
    short = train(tmp_path / "one", steps=25, settings=constant)
    assert short.model.steps_done == 25
    longer = train(tmp_path / "one", steps=60, settings=constant)
    whole = train(tmp_path / "two", steps=60, settings=constant)
    for a, b in zip(longer.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    one, two = (np.genfromtxt(run.dir.log, delimiter=",", names=True) for run in (longer, whole))
    # The interval in which the first ended is in two rows: their mean is that of the one.
    halves, rest = np.isin(one["step"], (25, 30)), ~np.isin(one["step"], (25,))
    assert np.mean(one["loss"][halves]) == pytest.approx(two["loss"][two["step"] == 30][0])
    assert np.array_equal(one["loss"][rest & ~halves], two["loss"][two["step"] != 30])


def test_fewer_steps_are_refused(trained):
    with pytest.raises(UserError, match=r"is one of 40 steps, and `steps=20` is fewer"):
        train(trained[0].path, steps=20, settings={"eval_every": 20})


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_another(trained, tmp_path):
    """With a rate of next to nothing they are still there after a step."""
    first = {"optimizers.vae.learning_rate": 1e-30, "log_every": 1, "save_every": 1}
    run = train(tmp_path / "run", steps=1, init=trained[0].path, settings=first)
    for own, given in zip(
        run.model.trainable_variables, trained[0].model.trainable_variables, strict=True
    ):
        assert np.array_equal(own, given)
    assert run.model.steps_done == 1


@pytest.mark.slow
def test_weights_of_other_shapes_begin_anew(trained, tmp_path, capsys):
    changes = TINY | {"log_every": 1, "save_every": 1, "optimizers.vae.learning_rate": 1e-30}
    arguments = dict(labels=LABELS, steps=1, batch_size=20, init=trained[0].path, settings=changes)
    model = make(latent_dim=4)
    run = tfgen.train(model, IMAGES, workdir=tmp_path / "run", **arguments)
    said = capsys.readouterr().out
    assert "Begins with the weights of" in said
    assert "of other shapes are" in said
    own, given = run.model.decoder.weights[-1], trained[0].model.decoder.weights[-1]
    assert np.array_equal(own, given)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"images": IMAGES * 2 - 1}, "data holds floats from -1 to 1; wanted are images"),
        ({"images": IMAGES * 16}, "floats from 0 to 16.*cast levels from 0 to 255 to uint8"),
        ({"images": IMAGES[0, 0]}, r"data has the shape \(8,\); wanted are images \[N, height"),
        ({"images": IMAGES.astype(str)}, "an array of <U32; wanted are images"),
        ({"images": np.where(IMAGES > 0.9, np.nan, IMAGES)}, "numbers that are not finite"),
        ({"images": np.full((9, 8, 8, 1), 256)}, "levels from 256 to 256; of 256 levels 0 to 255"),
        ({"images": IMAGES[:, :4]}, r"image_shape=\(8, 8, 1\), and the images .*\(4, 8, 1\)"),
        ({"labels": LABELS[:5]}, r"labels have the shape \(5,\); wanted is \(1797,\)"),
        ({"labels": np.eye(10)[LABELS]}, "looks one-hot: take its argmax"),
        ({"labels": LABELS - 1}, "labels are from -1 to 8; wanted are the numbers of classes"),
        ({"labels": LABELS + 2**32}, "labels are from 4294967296 to .*; wanted are the numbers"),
        ({"labels": LABELS.astype(str)}, "labels are <U.*; wanted are the numbers of classes"),
        (
            {"images": np.repeat(IMAGES[..., None], 4, -1)},
            "data has 4 channels; wanted is 1 .* or 3",
        ),
        ({"images": [IMAGES[0], IMAGES[1, :4]]}, "images of several shapes; wanted is one array"),
        ({"settings": {"model.latent_dim": 9}}, "`model.latent_dim` is decided: the model is made"),
        ({"settings": {"data.size": 16}}, "`data.size` is for data that have a name"),
        ({"settings": {"eval_every": 20, "eval_metric": "fid"}}, "unknown eval_metric 'fid'"),
        ({"optimizers": "adamm"}, "optimizers: .*adamm"),
        ({"validation": IMAGES[:9]}, "data has labels and validation has none"),
        ({"validation": (IMAGES[:9, 2:], LABELS[:9])}, r"validation has images of \(6, 8, 1\)"),
        ({"model": VAE}, "model is VAE; wanted is a name.*or a model that is made"),
        ({"settings": {"stesp": 3}}, "there is no setting `stesp`. Did you mean `steps`"),
        ({"settings": {"patience": "many"}}, "`patience` is 'many', of type str; wanted is int"),
        ({"settings": {"save_every": 15}}, "`save_every` is 15, but must be a multiple of"),
        ({"batch_size": 5000}, "batch_size 5000 is larger than the 1617 images"),
        ({"init": "nowhere"}, "nowhere is not a run directory"),
        ({"optimizers": {"vea": "adam"}}, r"optimizers are \['vea'\]; wanted is one for each of"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(arguments, words, tmp_path):
    with pytest.raises(UserError, match=words):
        train(tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_model_gives_no_weights(trained, tmp_path):
    with pytest.raises(UserError, match="is a run of VAE, and this one trains Autoencoder"):
        train(tmp_path / "run", "autoencoder", init=trained[0].path)


def test_a_dataset_is_as_good_as_arrays(monkeypatch):
    """Batched or not, images alone or with labels: the same source, by its fingerprint."""
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES[..., None], LABELS))
    named = pairs.map(lambda image, label: {"image": image, "label": label})
    expected = in_memory.given(IMAGES, LABELS).fingerprint
    for given in (pairs, pairs.batch(100), named):
        assert in_memory.given(given).fingerprint == expected
    alone = in_memory.given(pairs.map(lambda image, _: image))
    assert alone.fingerprint == in_memory.given(IMAGES).fingerprint != expected
    monkeypatch.setattr(in_memory, "MEMORY_LIMIT", 10_000)
    with pytest.raises(UserError, match="more than 4 GiB or has no end"):
        in_memory.given(pairs.repeat())
    with pytest.raises(UserError, match="elements without an image"):
        in_memory.given(tf.data.Dataset.range(3))


def test_a_split_is_data_too(digits):
    """An `ImageData`, with its own levels and the names of its classes."""
    source = in_memory.given(digits.load("train"), validation=digits.load("validation"))
    train, validation = source.training_and_validation("train")
    assert (train.levels, train.classes) == (17, tuple("0123456789"))
    assert (train.size, validation.size) == (1000, 350)


def test_held_out_images_are_of_every_class():
    """Arrays are often sorted by class: the last tenth would be of the last class alone."""
    order = np.argsort(LABELS, kind="stable")
    source = in_memory.given(IMAGES[order], LABELS[order])
    train, validation = map(data.arrays, source.training_and_validation("train"))
    assert set(validation["label"]) == set(range(10))
    assert len(train["image"]) + len(validation["image"]) == len(IMAGES)
    every = np.concatenate([train["image"], validation["image"]])
    assert sorted(map(bytes, every)) == sorted(
        map(bytes, data.arrays(source.load("train"))["image"])
    )


def test_levels_of_floats_are_the_nearest():
    from tfgen import images

    given = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 16, 16)
    assert np.array_equal(images.levels_of("x", given, 256).ravel(), np.arange(256))


@pytest.mark.slow
@keras.saving.register_keras_serializable("tests")
class Shift(GenerativeModel):
    """A class of one's own, without a config: G(u) = u + b, b the mean of the images."""

    terms = ("loss",)

    def __init__(self, image_shape, levels, seed=0, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.b = self.add_weight(name="b", shape=self.image_shape, initializer="zeros")

    def trained(self):
        return {"b": [self.b]}

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.to_unit(batch["image"]) - self.b))
        self.minimize("b", tape, loss)
        return self.end_step(loss=loss)

    def test_step(self, batch):
        return {"loss": tf.reduce_mean(tf.square(self.to_unit(batch["image"]) - self.b))}

    def noise(self, seeds):
        from tfgen import random

        return {"z": 0.1 * random.normal(seeds, [self.image_shape[0]], "z")}

    def generate(self, noise, condition=None):
        return tf.clip_by_value(self.b + noise["z"][:, :, None, None], 0.0, 1.0)


def test_a_class_of_ones_own_brings_its_optimizers(tmp_path):
    model = Shift((8, 8, 1), 256)
    with pytest.raises(UserError, match="Shift has no config with optimizers: give `optimizers`"):
        train(tmp_path / "run", model)
    run = train(tmp_path / "run", model, optimizers=keras.optimizers.SGD(10.0), steps=100)
    assert run.config["model"] == {}
    assert run.name == "shift"
    assert np.abs(run.model.b[..., 0] - IMAGES.mean(axis=0)).max() < 0.1
    loaded = tfgen.load(run.path)
    assert type(loaded.model) is Shift
    compiled = Shift((8, 8, 1), 256)
    compiled.compile("sgd")
    assert train(tmp_path / "compiled", compiled, steps=20).model.steps_done == 20


# --- the README -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_the_lines_of_the_readme_and_of_the_book_run(tmp_path, monkeypatch):
    """As they stand, but for the number of steps and of LiteRT files.

    Some 30 s: two models, evaluated and exported in both formats. All precisions of a run's LiteRT
    files are made in `exporting/test_tflite.py`.
    """
    pages = [ROOT / "README.md", ROOT / "docs" / "how_to" / "own_model.md"]
    blocks = [block for page in pages for block in fenced.blocks(page.read_text())]
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tflite, "PRECISIONS", ("float32",))
    real = tfgen.train
    monkeypatch.setattr(tfgen, "train", lambda *a, **k: real(*a, **k | {"steps": 20}))
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (300, 28, 28, 1), dtype=np.uint8)
    names = {
        "images": images,
        "labels": random.integers(0, 3, 300),
        "x": images[:100],
        "y": random.integers(0, 3, 100),
        "my_encoder": my_encoder,
        "my_decoder": my_decoder,
        "my_callback": Count(),
    }
    for block in blocks:
        exec(block, names)
    assert names["samples"].shape == (64, 8, 8, 1)
    assert Path("runs/next/card.md").exists()
    assert names["my_callback"].batches > 0


# --- what is imported when ------------------------------------------------------------------------


def test_the_front_door_opens_at_once():
    """0.2 s at most, and no TensorFlow, until something is used; classes by their names."""
    code = (
        "import time; began = time.process_time(); import tfgen, sys\n"
        "took = time.process_time() - began\n"
        "from tfgen import models\n"
        "assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules\n"
        "assert 'VAE' in dir(models) and took < 0.2, took\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match=r"has no 'VEA': .*VAE"):
        _ = models.VEA
    assert {models.find(name).__name__ for name in models.names()} <= set(dir(models))
