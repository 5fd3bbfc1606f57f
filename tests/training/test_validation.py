"""Training that watches the validation split: the best is kept, early stops, exact resume."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfgen
from tests.support import mine, runs, small
from tests.support.mine import IMAGES
from tfgen import data
from tfgen.data.source import Source
from tfgen.errors import UserError
from tfgen.run_dir import RunDir

# A VAE of 16 images, which it soon knows by heart: the best step is not the last.
WATCHED = {
    "eval_every": 10,
    "save_every": 20,
    "data__split": "train[:16]",
}
OVERFITTING = {
    "optimizers__vae__learning_rate": 0.02,
    "optimizers__vae__decay": "none",
    "model__width": 16,
    "model__dropout": 0.0,
}


def table(path):
    head, *rows = (line.split(",") for line in path.read_text().splitlines())
    return {name: [float(row[i]) for row in rows] for i, name in enumerate(head)}


def train(model, workdir, **changes):
    runs.go(model, runs.config(model, **WATCHED | changes), workdir)
    return RunDir(workdir)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    return train("vae", tmp_path_factory.mktemp("watched") / "run", **OVERFITTING)


@pytest.mark.slow
def test_the_model_is_the_best_one_and_says_so(watched, digits):
    rows = table(watched.validation)
    assert rows["step"] == [10, 20, 30, 40, 50, 60]
    best = int(np.argmin(rows["loss"]))
    kept = watched.read_json(watched.training)["kept"]
    wanted = {"step": rows["step"][best], "metric": "loss", "value": rows["loss"][best]}
    assert kept == wanted | {"split": "validation[:50]"}
    assert rows["loss"][best] < rows["loss"][-1], "the last is the best: the test shows nothing"
    # And the file holds the weights that have this loss.
    model = tfgen.load(watched.path).model
    assert int(model.step) == kept["step"]
    arrays = data.arrays(digits.load("validation[:50]"))
    found = model.test_step(arrays | {"image": keras.ops.convert_to_tensor(arrays["image"])})
    assert float(found["loss"]) == pytest.approx(kept["value"], rel=1e-5)
    assert f"step {kept['step']}, metric loss" in watched.card.read_text()


@pytest.mark.slow
def test_only_the_best_weights_stay_on_disk(watched):
    kept = watched.read_json(watched.training)["kept"]["step"]
    files = [f.name for f in watched.checkpoints.glob("best-*")]
    assert files == [f"best-{kept}.keras"]


@pytest.mark.slow
def test_watching_changes_nothing_in_training(tmp_path, watched):
    unwatched = train("vae", tmp_path / "run", **OVERFITTING, eval_every=0)
    assert unwatched.log.read_bytes() == watched.log.read_bytes()
    assert not unwatched.validation.exists()
    assert "kept" not in unwatched.read_json(unwatched.training)


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_frechet_is_what_an_implicit_density_is_watched_by(tmp_path):
    run = train(
        small.FILE, tmp_path / "run", steps=10, data__split="train", data__validation="validation"
    )
    rows = table(run.validation)
    assert set(rows) == {"step", "loss", "frechet"}
    assert run.read_json(run.training)["kept"]["metric"] == "frechet"
    assert min(rows["frechet"]) > 0


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_too_few_images_for_the_metric_stop_the_run_before_it_begins(tmp_path):
    config = runs.config(small.FILE, **WATCHED, eval_metric="frechet")
    with pytest.raises(UserError, match=r"at least 65 images, got 50.*`eval_metric=kid`"):
        runs.go(small.FILE, config, tmp_path / "run")
    # The cure that it names works in the same place, and is what "auto" is for so few.
    run = train(small.FILE, tmp_path / "run", steps=10)
    assert run.read_json(run.training)["kept"]["metric"] == "kid"


@pytest.mark.slow
def test_without_labels_the_kernel_distance_is_watched(tmp_path, digits):
    """Of a folder, of which six images are held out: too few for a Frechet distance."""
    (tmp_path / "digits").mkdir()
    for i, image in enumerate(data.arrays(digits.load("train[:60]"))["image"]):
        Image.fromarray(image[..., 0] * 15).save(tmp_path / "digits" / f"{i:02}.png")
    run = train(
        small.FILE,
        tmp_path / "run",
        steps=20,
        data__name=str(tmp_path / "digits"),
        data__split="train",
        data__validation="",
    )
    rows = table(run.validation)
    assert set(rows) == {"step", "loss", "kid"}
    best = int(np.argmin(rows["kid"]))
    assert run.read_json(run.training)["kept"] == {
        "step": rows["step"][best],
        "metric": "kid",
        "value": rows["kid"][best],
        "split": "train[90%:]",
    }


def test_an_unknown_metric_is_named(tmp_path):
    config = runs.config("vae", **WATCHED, eval_metric="los")
    with pytest.raises(UserError, match=r"unknown eval_metric 'los'\. Did you mean 'loss'"):
        runs.go("vae", config, tmp_path / "run")


@pytest.mark.slow
def test_early_stop(tmp_path):
    settings = OVERFITTING | {"patience": 1, "steps": 400}
    run = train("vae", tmp_path / "run", **settings)
    rows = table(run.validation)
    last = int(rows["step"][-1])
    assert last < 400
    assert np.argmin(rows["loss"]) == len(rows["loss"]) - 2  # one look without a better one
    facts = run.read_json(run.training)
    assert (facts["steps"], facts["kept"]["step"]) == (last, last - 10)
    assert (run.checkpoints / f"ckpt-{last}.index").exists()
    # Killed before its card was written, it ends the same and trains no further.
    before = tfgen.load(run.path).model.get_weights()
    run.card.unlink()
    train("vae", run.path, **settings)
    assert table(run.validation)["step"][-1] == last
    after = tfgen.load(run.path).model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.slow
def test_best_weights_later_than_the_checkpoint_are_forgotten(tmp_path, watched):
    """As after a kill between a look and the next checkpoint."""
    copy = tmp_path / "run"
    shutil.copytree(watched.path, copy)
    run = RunDir(copy)
    for file in (run.card, run.model, run.training):
        file.unlink()
    for step in (40, 60):
        for file in run.checkpoints.glob(f"ckpt-{step}.*"):
            file.unlink()
    shutil.copy(next(run.checkpoints.glob("best-*")), run.checkpoints / "best-50.keras")
    config = runs.config("vae", **WATCHED, **OVERFITTING)
    runs.go("vae", config, copy)
    assert run.validation.read_bytes() == watched.validation.read_bytes()
    one, two = (tfgen.load(path).model.get_weights() for path in (copy, watched.path))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_training_never_reads_the_test_split(tmp_path, monkeypatch):
    """With a metric that compares samples, and so needs images to compare them with."""
    read = []
    for source in Source.__subclasses__():
        original = source.load

        def load(self, split, *args, original=original):
            found = original(self, split, *args)
            read.extend(name for name, _, _ in found.parts)
            return found

        monkeypatch.setattr(source, "load", load)
    train(small.FILE, tmp_path / "run", steps=10, data__split="train", data__validation="")
    assert set(read) == {"train", "validation"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"eval_every": 7}, "`eval_every` is 7, but must be a multiple of log_every, 5"),
        ({"eval_every": -5}, "`eval_every` is -5"),
        ({"patience": 3, "eval_every": 0}, "`patience` is 3, but must be 0 unless"),
    ],
)
def test_settings_that_cannot_be_meant(changes, words):
    with pytest.raises(UserError, match=words):
        runs.config("vae", **changes)


@pytest.mark.slow
def test_the_facts_of_training_are_numbers(watched):
    facts = json.loads(watched.training.read_text())
    assert facts["steps"] == 60
    assert facts["in one process"] is True
    assert facts["parameters"] > 0
    assert facts["seconds"] > 0


@keras.saving.register_keras_serializable("tests")
class Reordered(small.Small):
    """Of held-out images it reports its terms in another order, and not all of them."""

    terms = ("absolute", "square", "loss")

    def step_terms(self, batch, seeds, training):
        distance = self.to_unit(batch["image"]) - self.G(self.noise(seeds)["z"])
        absolute = tf.reduce_mean(tf.abs(distance), axis=[1, 2, 3])
        square = tf.reduce_mean(tf.square(distance), axis=[1, 2, 3])
        return {"loss": square + absolute, "square": square, "absolute": absolute}

    def test_step(self, batch):
        found = super().test_step(batch)
        return {name: found[name] for name in ("loss", "absolute")}


@pytest.mark.slow
def test_every_column_holds_its_own_term(tmp_path):
    model = Reordered((8, 8, 1), 256)
    changes = {"log_every": 10, "save_every": 10, "eval_every": 10}
    run = mine.train(
        tmp_path / "run",
        model,
        labels=None,
        steps=10,
        optimizers="adam",
        validation=IMAGES[:50],
        settings=changes,
    )
    (row,) = csv.DictReader((run / "validation.csv").open())
    held_out = np.round(255 * IMAGES[:50, ..., None]).astype(np.uint8)
    found = {k: float(v) for k, v in run.model.test_step({"image": held_out}).items()}
    assert list(found) == ["loss", "absolute"]
    for name, value in found.items():
        assert float(row[name]) == pytest.approx(value, rel=1e-4), name
