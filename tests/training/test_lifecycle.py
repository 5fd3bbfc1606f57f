"""What may happen to a run that is trained from Python: stopped, prolonged, repeated, refused."""

import json
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tests.support import mine, runs
from tests.support.mine import IMAGES, LABELS
from tests.support.small import make
from tfgen import stores
from tfgen.errors import Interrupted, UserError
from tfgen.run_dir import RunDir
from tfgen.training import building, claim


def train(workdir, model=None, **arguments):
    model = make() if model is None else model
    return mine.train(workdir, model, **dict(optimizers="adam") | arguments)


class At(keras.callbacks.Callback):
    """Does something once, at the end of the first batch after so many steps."""

    def __init__(self, steps, act):
        super().__init__()
        self.steps, self.act = steps, act

    def on_train_batch_end(self, batch, logs=None):
        if self.act and self.model.steps_done >= self.steps:
            act, self.act = self.act, None
            act(self.model)


def logged(path):
    return [int(row.split(",")[0]) for row in (path / "log.csv").read_text().splitlines()[1:]]


@pytest.mark.slow
def test_a_run_is_prolonged_to_its_very_last_step(tmp_path):
    """From a step that no interval begins at: every row, checkpoint and look is there."""
    changes = {"eval_every": 10, "eval_metric": "loss"}
    assert train(tmp_path / "run", steps=25, settings=changes).model is not None
    run = train(tmp_path / "run", steps=60, settings=changes)
    assert json.loads((run / "training.json").read_text())["steps"] == 60
    assert logged(run.path) == [10, 20, 25, 30, 40, 50, 60]
    assert set(run.dir.sample_grids()) == {0, 20, 25, 40, 60}
    looks = (run / "validation.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in looks] == [10, 20, 25, 30, 40, 50, 60]


@pytest.mark.slow
def test_a_model_that_was_trained_before_begins_at_step_nought(tmp_path):
    """Its weights go on, its steps do not: a run that is stopped is not taken for a whole one."""
    model = make()
    train(tmp_path / "one", model)
    interrupt = At(10, lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        train(tmp_path / "two", model, callbacks=[interrupt])
    assert not RunDir(tmp_path / "two").complete
    assert train(tmp_path / "two", make()).model.steps_done == 40
    assert logged(tmp_path / "two") == [10, 20, 30, 40]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has happened to."""
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.slow
def test_a_made_model_is_stopped_and_goes_on_as_if_it_had_not(tmp_path, whole):
    """In another process it has other weights at first, and those of the run are what counts."""
    interrupt = At(10, lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        train(tmp_path / "part", make(), callbacks=[interrupt], settings={"save_every": 40})
    other = make()
    for weight in other.trainable_variables:
        weight.assign_add(weight * 0.5 + 1.0)
    part = train(tmp_path / "part", other, settings={"save_every": 40})
    for a, b in zip(part.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.slow
def test_a_run_in_a_store_is_one_in_a_folder(whole, monkeypatch):
    """Stopped by SIGTERM, continued on another machine, which has nothing but the address."""
    address = "ram://lifecycle/run"
    interrupt = At(20, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        train(address, callbacks=[interrupt])
    assert tf.io.gfile.exists(f"{address}/checkpoints/ckpt-30.index")  # after the next ten steps
    monkeypatch.setattr(stores, "_opened", {})
    with pytest.raises(UserError, match=rf"the run in {address} is not finished"):
        tfgen.load(address)
    run = train(address)
    assert repr(run).startswith(f"Run('{address}', ")
    monkeypatch.setattr(stores, "_opened", {})
    found = tfgen.load(address)
    assert np.array_equal(found.sample(range(3)), whole.sample(range(3)))
    assert found.dir.complete
    assert not found.dir.checkpoints.exists()  # which a training alone reads
    found.dir.fetch()
    runs.assert_same_run(whole.path, found.path)


@pytest.mark.parametrize(
    "watched",
    [pytest.param(False, id="plain"), pytest.param(True, id="watched", marks=pytest.mark.slow)],
)
def test_a_callback_may_end_a_training(tmp_path, watched, capsys):
    """The run is whole, of as many steps as it did, and can be prolonged."""

    def stop(model):
        model.stop_training = True

    changes = {"eval_every": 20, "eval_metric": "loss"} if watched else {}
    run = train(tmp_path / "run", callbacks=[At(10, stop)], settings=changes)
    assert run.model.steps_done == 10
    assert logged(run.path) == [10]
    assert run.sample([0]).shape == (1, 8, 8, 1)
    tfgen.train(
        make(),
        IMAGES,
        labels=LABELS,
        workdir=run.path,
        steps=40,
        batch_size=20,
        optimizers="adam",
        settings=changes | {"log_every": 10, "save_every": 20},
    )
    assert "complete: 10 steps" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_is_lost_when_a_longer_run_cannot_begin(tmp_path, monkeypatch):
    """The data are gone, or another process trains there: the run of before is as it was."""

    def gone(*arguments):
        raise UserError("what it needs is gone.")

    run = train(tmp_path / "run")
    before = {file: (run / file).read_bytes() for file in ("config.json", "card.md")}
    with monkeypatch.context() as patched:
        patched.setattr(building, "adopt", gone)
        with pytest.raises(UserError, match="is gone"):
            train(run.path, steps=60)
    with pytest.raises(UserError, match="holds a run with other settings"):
        train(run.path, images=IMAGES[::-1], steps=60)
    with claim.locked(run.dir), pytest.raises(UserError, match="another process is training"):
        train(run.path, steps=60)
    assert before == {file: (run / file).read_bytes() for file in before}


def test_a_mistake_leaves_what_a_user_has_in_the_folder(tmp_path):
    """Hidden files alone make no run of a folder, and are nobody's to remove."""
    (tmp_path / ".mine").write_text("mine")
    with pytest.raises(UserError, match="unknown eval_metric"):
        train(tmp_path, settings={"eval_every": 20, "eval_metric": "fid"})
    assert [file.name for file in tmp_path.iterdir()] == [".mine"]


@pytest.mark.slow
def test_the_same_optimizer_is_given_again_and_to_two_runs(tmp_path):
    """Keras numbers the names of optimizers, and each of them trains one model alone."""
    adam = keras.optimizers.Adam(1e-3)
    train(tmp_path / "one", optimizers=adam)
    train(tmp_path / "one", optimizers=adam)
    train(tmp_path / "one", optimizers="adam")
    two = train(tmp_path / "two", optimizers={"G": adam})
    assert np.array_equal(two.sample([1]), tfgen.load(tmp_path / "one").sample([1]))


def test_divergence_with_ones_own_optimizer_is_told(tmp_path):
    with pytest.raises(UserError, match=r"training diverged at step \d+: .*lower learning rate"):
        train(tmp_path / "run", optimizers=keras.optimizers.SGD(1e9))


def test_keywords_do_not_undo_settings(tmp_path):
    changes = {"steps": 20, "batch_size": 10, "log_every": 10, "save_every": 20, "eval_every": 0}
    arguments = dict(settings=changes, optimizers="adam", verbose=False)
    run = tfgen.train(make(), IMAGES, workdir=tmp_path / "run", **arguments)
    assert [run.config[key] for key in ("steps", "batch_size")] == [20, 10]


def test_whoever_wants_no_words_gets_none(tmp_path, capsys):
    train(tmp_path / "run")
    assert capsys.readouterr().out == ""


def test_bits_are_black_and_white():
    from tfgen import images

    assert set(np.unique(images.levels_of("x", IMAGES > 0.5, 256))) == {0, 255}


def test_a_folder_may_be_a_path(tmp_path, monkeypatch):
    """Whose "./" pathlib drops."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, image in enumerate(IMAGES[:30]):
        Image.fromarray(np.uint8(255 * image)).save(folder / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    changes = {"log_every": 10, "save_every": 20, "eval_every": 0}
    arguments = dict(steps=20, batch_size=10, settings=changes, optimizers="adam", verbose=False)
    run = tfgen.train(make(), folder.relative_to(tmp_path), workdir="run", **arguments)
    assert run.config["data"]["name"] == str(folder)
    with pytest.raises(UserError, match=r"validation of the data set .* is a split"):
        tfgen.train("vae", folder, validation=IMAGES)


@pytest.mark.slow
def test_conditions_of_samples(tmp_path):
    """One label, a list of them, an array; what is none is named."""
    changes = {"log_every": 10, "save_every": 10, "eval_every": 0, "model.width": 4}
    arguments = dict(steps=10, batch_size=10, settings=changes, verbose=False)
    run = tfgen.train("cvae", "digits", workdir=tmp_path / "run", **arguments)
    assert np.array_equal(run.sample([3, 4], 7), run.sample([3, 4], np.array([7, 7])))
    assert np.allclose(run.sample([3, 4], [7, 1])[:1], run.sample(3, 7), atol=1e-6)
    for condition in ([1, 2, 3], 1.7, ["a"]):
        with pytest.raises(UserError, match=r"condition|caption|label"):
            run.sample([3, 4], condition)
    for condition in (None, 10, -1):
        with pytest.raises(UserError, match="label"):
            run.sample([3, 4], condition)
    for seeds in ([], [2**31]):
        with pytest.raises(UserError, match="wanted are int32 seeds"):
            run.sample(seeds, 1)
