"""A run from start to end, in this process: what it leaves, what stops it, what continues it."""

import csv
import io
import json
import os
import shutil
import signal
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfgen
from tests.support import runs, small
from tfgen import progress
from tfgen.data import pipeline
from tfgen.errors import Notice, UserError
from tfgen.run_dir import RunDir
from tfgen.training import building, loop, optimizers
from tfgen.training.callbacks import Recorder

SMALL = pytest.param(small.FILE, id="small")


@pytest.fixture(scope="module", params=[pytest.param("vae", marks=pytest.mark.slow), SMALL])
def finished(request, tmp_path_factory):
    """(model, directory of a tiny complete run)"""
    path = tmp_path_factory.mktemp("finished") / "run"
    runs.go(request.param, runs.config(request.param), path)
    return request.param, path


# What the loop does whatever it trains is tried with one model.
with_one = pytest.mark.parametrize("finished", [SMALL], indirect=True)


def log_of(path):
    return list(csv.DictReader((path / "log.csv").open()))


def test_what_a_run_leaves(finished):
    name, path = finished
    run = RunDir(path)
    assert run.complete
    assert [f.name for f in sorted(run.samples.iterdir())] == [
        f"step-{s:07d}.png" for s in range(0, 61, 10)
    ]
    assert [int(row["step"]) for row in log_of(path)] == list(range(5, 61, 5))
    assert run.read_config() == (name, runs.config(name).to_dict())
    figures = {f.name for f in run.figures.iterdir()}
    codes = {"codes.png", "reconstructions.png", "interpolation.png"} if name == "vae" else set()
    assert figures == {"samples.png"} | codes
    assert not list(path.rglob(".writing-*"))
    (events,) = (path / "tensorboard").iterdir()
    assert [step for step, png in pictures_of(events)] == list(range(0, 61, 10))
    for step, png in pictures_of(events):
        assert png == run.sample_grid(step).read_bytes()


def pictures_of(events):
    """[(step, its PNG)] as TensorBoard reads them: of its plugin, with width and height."""
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.plugins.image import metadata

    found = []
    for event in event_file_loader.EventFileLoader(str(events)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == metadata.PLUGIN_NAME:
                assert value.tag == "samples"
                metadata.parse_plugin_metadata(value.metadata.plugin_data.content)
                width, height, png = value.tensor.string_val
                with Image.open(io.BytesIO(png)) as image:
                    assert image.size == (int(width), int(height))
                found.append((event.step, png))
    return found


def test_the_model_loads_and_is_the_trained_one(finished):
    _, path = finished
    model = tfgen.load(path).model
    assert int(model.step) == 60
    final = runs.newest_checkpoint(path)
    weights = {w.path: w.numpy() for w in model.trainable_variables}
    for weight in weights.values():
        assert any(v.shape == weight.shape and np.array_equal(v, weight) for v in final.values())
    assert model.sample(range(4)).shape == (4, 8, 8, 1)


@pytest.mark.slow
@with_one
def test_the_log_holds_means_over_the_interval(finished, tmp_path):
    """Against a second run that logs every step; at a constant rate it takes the same steps."""
    name, path = finished
    changes = {f"optimizers.{o}.decay": "none" for o in runs.config(name).optimizers}
    for every, run in ((1, "each"), (5, "means")):
        config = runs.config(name, log_every=every, steps=10, **changes)
        runs.go(name, config, tmp_path / run)
    each, means = log_of(tmp_path / "each"), log_of(tmp_path / "means")
    for term in tfgen.load(path).model.terms:
        for i in range(2):
            expected = np.mean([float(row[term]) for row in each[5 * i : 5 * i + 5]])
            assert float(means[i][term]) == pytest.approx(expected, rel=1e-5)


def test_the_card_tells_the_run(finished):
    name, path = finished
    card = (path / "card.md").read_text()
    for part in (
        f"# {Path(name).stem} on digits",
        *(["arxiv.org"] if name == "vae" else []),
        "| 60, 16, 0 |",
        "train[:200]",
        "keras 3",
        "python -m train.run --model=",
        "| finished | 20",
    ):
        assert part in card, part
    # Of weights that a user's data made no licence is ours to give; no path of this machine.
    assert "license" not in card
    assert str(path.parent) not in card
    assert "| loss |" in card


def test_a_complete_run_is_left_alone(finished, capsys):
    name, path = finished
    before = {f: f.stat().st_mtime_ns for f in path.rglob("*") if f.is_file()}
    runs.go(name, runs.config(name), path)
    assert "is complete" in capsys.readouterr().out
    assert before == {f: f.stat().st_mtime_ns for f in path.rglob("*") if f.is_file()}


@with_one
def test_other_settings_are_refused_and_named(finished):
    name, path = finished
    with pytest.raises(
        UserError, match=r"(?s)batch_size: 16 there, 20 now.*steps: 60 there, 70 now"
    ):
        runs.go(name, runs.config(name, steps=70, batch_size=20), path)


@pytest.mark.slow
@with_one
def test_a_seed_is_a_run(finished, tmp_path):
    name, path = finished
    runs.go(name, runs.config(name), tmp_path / "again")
    runs.assert_same_run(path, tmp_path / "again")
    runs.go(name, runs.config(name, seed=1, steps=10), tmp_path / "other")
    assert log_of(path)[0] != log_of(tmp_path / "other")[0]


def interrupt_after(rows, path, number=signal.SIGTERM):
    """Sends this process a signal once the log has so many rows."""

    def wait():
        while not path.exists() or len(path.read_text().splitlines()) <= rows:
            time.sleep(0.001)
        os.kill(os.getpid(), number)

    threading.Thread(target=wait, daemon=True).start()


@with_one
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_same_command_continues(finished, tmp_path, capsys, number):
    name, _ = finished
    run = RunDir(tmp_path / "run")
    before = signal.getsignal(number)
    # Long enough that the signal comes in time.
    long = runs.config(name, steps=40_000, save_every=1000)
    interrupt_after(3, run.log, number)
    assert runs.stopped_by(name, long, run.path) == number
    assert signal.getsignal(number) is before
    out = capsys.readouterr().out
    assert f"Stopped by {signal.Signals(number).name}" in out
    assert not run.complete
    (stopped,) = [int(f.stem.removeprefix("ckpt-")) for f in run.checkpoints.glob("*.index")]
    assert stopped % 1000
    with pytest.raises(UserError, match=r"not finished"):
        tfgen.load(run.path)


@pytest.mark.slow
def test_stopping_between_two_rows_of_the_log_changes_nothing(tmp_path, monkeypatch):
    """The open interval's sums are part of the checkpoint. With 50 there is room.

    It stops as nobody reads stdout any more, in a folder whose name TensorFlow would read as a
    pattern.
    That a model goes on at the bit from its checkpoint `tests/test_zoo.py` tries with every row.
    """
    name = small.FILE
    changes = dict(steps=200, log_every=50, save_every=100)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped [1], *"
    config = runs.config(name, **changes)
    runs.go(name, config, whole)

    original = loop.Recorder.on_train_batch_end

    def stop_at_70(self, batch, logs):
        if self.start + batch + 1 == 70:
            progress.lost.set()
        original(self, batch, logs)

    monkeypatch.setattr(progress, "lost", threading.Event())
    monkeypatch.setattr(loop.Recorder, "on_train_batch_end", stop_at_70)
    assert runs.stopped_by(name, config, stopped) == signal.SIGPIPE
    progress.lost.clear()
    runs.go(name, config, stopped)
    runs.assert_same_run(whole, stopped)


def cut_short(path, keep=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def unfinish(path, upto):
    """Turns a complete run into one that was killed after the checkpoint of step `upto`."""
    run = RunDir(path)
    run.card.unlink()
    for file in run.checkpoints.glob("ckpt-*"):
        if int(file.name.split(".")[0].removeprefix("ckpt-")) > upto:
            file.unlink()


@pytest.mark.slow
@with_one
@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_truncated_checkpoint_falls_back_to_the_one_before(finished, tmp_path, capsys, part):
    name, path = finished
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    unfinish(copy, upto=60)
    cut_short(copy / "checkpoints" / f"ckpt-60.{part}")
    runs.go(name, runs.config(name), copy)
    out = capsys.readouterr().out
    assert "ckpt-60 cannot be read" in out
    assert "Continuing from step 50" in out
    runs.assert_same_run(path, copy)


@with_one
def test_without_a_readable_checkpoint_it_stops(finished, tmp_path):
    name, path = finished
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    unfinish(copy, upto=60)
    for file in (copy / "checkpoints").glob("*.index"):
        cut_short(file, 0.3)
    with pytest.raises(UserError, match=r"none of the checkpoints"):
        runs.go(name, runs.config(name), copy)
    assert len(list((copy / "checkpoints").glob("*.index"))) == 3


@with_one
@pytest.mark.slow
def test_a_log_torn_by_a_crash_is_mended(finished, tmp_path):
    name, path = finished
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    unfinish(copy, upto=50)
    log = (copy / "log.csv").read_text()
    (copy / "log.csv").write_text(log[: len(log) - 9])
    runs.go(name, runs.config(name), copy)
    runs.assert_same_run(path, copy)


@pytest.mark.slow
@with_one
def test_what_a_kill_left_half_written_is_removed(finished, tmp_path):
    name, path = finished
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    unfinish(copy, upto=50)
    for place in ("samples", "figures"):
        (copy / place / ".writing-ab12.png").write_bytes(b"half a pic")
    runs.go(name, runs.config(name), copy)
    runs.assert_same_run(path, copy)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    """An infinite weight is planted after the checkpoint of step 20, in step 27."""
    path = tmp_path / "run"
    config = runs.config(small.FILE)
    original = building.build

    def build(*arguments):
        model = original(*arguments)
        step = model.train_step

        def train_step(batch):
            terms = step(batch)
            bad = tf.cast(model.step == 27, tf.float32)
            weight = model.G.trainable_variables[0]
            weight.assign(weight / (1.0 - bad))
            return terms

        model.train_step = train_step
        return model

    building.build = build
    try:
        with pytest.raises(
            UserError, match=r"diverged at step 28: .*loss.*; the checkpoint of step 20 is kept"
        ):
            runs.go(small.FILE, config, path)
    finally:
        building.build = original
    assert (
        max(int(f.stem.removeprefix("ckpt-")) for f in (path / "checkpoints").glob("*.index")) == 20
    )
    assert not (path / "model.keras").exists()
    assert [int(row["step"]) for row in log_of(path)] == [5, 10, 15, 20, 25]


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    """A step of an infinite learning rate: its loss is finite, its weights are not."""
    config = runs.config(small.FILE, steps=10, save_every=10, log_every=10)
    original = optimizers.from_config
    optimizers.from_config = lambda *_: keras.optimizers.SGD(1e38)
    try:
        with pytest.raises(UserError, match=r"diverged"):
            runs.go(small.FILE, config, tmp_path / "run")
    finally:
        optimizers.from_config = original
    assert not list((tmp_path / "run" / "checkpoints").glob("*.index"))


def test_a_picture_that_fails_costs_no_checkpoint_but_at_the_start_the_run():
    def fail():
        raise ZeroDivisionError("of a model of one's own")

    recorder = SimpleNamespace(fit_after_training=lambda: None, preview=fail)
    with pytest.raises(ZeroDivisionError):
        Recorder.draw(recorder, 0)
    with pytest.warns(Notice, match="picture of step 10 could not be drawn: ZeroDivisionError"):
        Recorder.draw(recorder, 10)


def test_pictures_that_take_long_are_said_before_the_training():
    recorder = SimpleNamespace(config=SimpleNamespace(steps=1000, save_every=300))
    with pytest.warns(Notice, match=r"takes 30 s, and each of 4 checkpoints .*: 2 minutes in all"):
        Recorder.tell_cost_of_pictures(recorder, 30.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recorder.tell_cost_of_pictures(recorder, 1.0)


def test_directories_that_are_no_runs(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    config = runs.config("vae")
    with pytest.raises(UserError, match=r"is a file"):
        runs.go("vae", config, tmp_path / "file")
    with pytest.raises(UserError, match=r"is not empty and not a run directory"):
        runs.go("vae", config, tmp_path / "full")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json is broken"):
        runs.go("vae", config, tmp_path / "broken")
    with pytest.raises(UserError, match=r"no config.json"):
        tfgen.load(tmp_path / "full")


def test_bad_input_makes_no_directory(tmp_path):
    for changes, message in (
        ({"batch_size": 500}, "larger than the 200 images"),
        ({"data__name": "nothing_like_it"}, "unknown data set"),
        ({"data__split": "trainn"}, "split 'trainn'"),
        ({"data__size": "six"}, "`data.size` is 'six'"),
    ):
        with pytest.raises(UserError, match=message):
            runs.go("vae", runs.config("vae", **changes), tmp_path / "run")
        assert not (tmp_path / "run").exists()


@with_one
def test_data_that_changed_are_refused_by_training_and_named_by_evaluation(finished, tmp_path):
    name, path = finished
    shutil.copytree(path, tmp_path / "copy")
    unfinish(tmp_path / "copy", upto=50)
    file = tmp_path / "copy" / "data.json"
    content = json.loads(file.read_text())
    content["validation"]["size"] -= 1
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"had 49 images .* has 50 now.*bring them back"):
        runs.go(name, runs.config(name), tmp_path / "copy")
    shutil.copyfile(path / "model.keras", tmp_path / "copy" / "model.keras")
    with pytest.warns(UserWarning, match="may have been trained on"):
        assert tfgen.load(tmp_path / "copy").validation.size == 50
    # A finished run that is refused to be prolonged stays finished.
    shutil.copytree(path, tmp_path / "whole")
    shutil.copyfile(file, tmp_path / "whole" / "data.json")
    before = (tmp_path / "whole" / "config.json").read_text()
    with pytest.raises(UserError, match="bring them back"):
        runs.go(name, runs.config(name, steps=120), tmp_path / "whole")
    assert tfgen.load(tmp_path / "whole").dir.complete
    assert (tmp_path / "whole" / "config.json").read_text() == before


@with_one
def test_a_model_of_classes_is_not_measured_on_others(finished, tmp_path):
    """The places of classes are what it knows: those that came between move them."""
    _, path = finished
    shutil.copytree(path, tmp_path / "copy")
    file = tmp_path / "copy" / "data.json"
    content = json.loads(file.read_text())
    content["training"]["classes"].remove("1")
    file.write_text(json.dumps(content))
    run = tfgen.load(tmp_path / "copy")
    run.model.num_classes = 9
    with pytest.raises(UserError, match=r"had the classes 0, 2, .*Bring them back"):
        run.training  # noqa: B018
    with pytest.warns(UserWarning, match="So figures are left out"):
        assert not run.finds_data("figures are left out")


@with_one
def test_a_broken_model_file(finished, tmp_path):
    _, path = finished
    shutil.copytree(path, tmp_path / "copy")
    cut_short(tmp_path / "copy" / "model.keras")
    with pytest.raises(UserError, match=r"model.keras cannot be read"):
        tfgen.load(tmp_path / "copy")


@pytest.mark.slow
def test_a_set_too_large_for_memory_is_streamed_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", 0)
    config = runs.config(small.FILE)
    runs.go(small.FILE, config, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "copy")
    unfinish(tmp_path / "copy", upto=50)
    runs.go(small.FILE, config, tmp_path / "copy")
    runs.assert_same_run(tmp_path / "whole", tmp_path / "copy")


@pytest.mark.slow
def test_a_folder_of_colour_images_trains_too(tmp_path):
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")
    for name in ("vae", "dcgan"):
        config = runs.config(
            name, data__name=str(tmp_path / "pictures"), data__split="train", steps=10
        )
        config.data.validation = ""
        runs.go(name, config, tmp_path / name)
        assert tfgen.load(tmp_path / name).model.sample([1]).shape == (1, 16, 16, 3)
        assert json.loads((tmp_path / name / "config.json").read_text())["model"] == name
