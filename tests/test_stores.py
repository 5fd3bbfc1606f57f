"""Runs in a store: what stands there at every moment, whose it is, what is refused.

`ram://` is TensorFlow's file system of one process. A training there is tried in
`tests/training/test_lifecycle.py`.
"""

import types
from pathlib import Path

import pytest
import tensorflow as tf

import tfgen
from tfgen import addresses, data, engine, files, stores
from tfgen.errors import UserError
from tfgen.exporting import batch
from tfgen.run_dir import RunDir
from tfgen.stores import Store
from tfgen.training import claim

gfile = tf.io.gfile


@pytest.fixture
def address(request):
    return f"ram://stores/{request.node.name}/run"


def names(address):
    """What lies in a store, by its path."""
    found = [
        f"{folder}/{name}".removeprefix(f"{address}/")
        for folder, _, names in gfile.walk(address)
        for name in names
    ]
    return sorted(name for name in found if not name.startswith("."))


def write(store, **texts):
    """Files of the folder that is a copy; None: removed."""
    for name, text in texts.items():
        path = store.folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text)


def text(address, name):
    with gfile.GFile(f"{address}/{name}") as file:
        return file.read()


# A complete run of 20 steps, and the same after a prolonged training has saved step 40.
BEFORE = {"config_json": "20", "log_csv": "1", "card_md": "whole"}
BEFORE |= {"checkpoints__20_index": "20", "checkpoints__20_data": "20"}
AFTER = {"config_json": "40", "log_csv": "1 2", "card_md": None}
AFTER |= {"checkpoints__40_data": "40", "checkpoints__40_index": "40"}
AFTER |= {"checkpoints__20_data": None, "checkpoints__20_index": None}


def test_who_stops_while_it_gives_leaves_a_run_that_goes_on(address, monkeypatch):
    """At every one of its operations: a config, a whole checkpoint, a card only if it is true."""
    operations = []

    def at(limit):
        def counted(name):
            def act(*arguments, **more):
                if len(operations) == limit:
                    raise KeyboardInterrupt
                operations.append(name)
                return getattr(gfile, name)(*arguments, **more)

            return act

        acting = {name: counted(name) for name in ("copy", "rename", "remove")}
        every = {name: getattr(gfile, name) for name in dir(gfile)} | acting
        return lambda: types.SimpleNamespace(**every)

    def stopped_at(limit, there):
        """Whether a process that can do so many operations is stopped while it gives AFTER."""
        store = Store(there)
        write(store, **BEFORE)
        store.give()
        write(store, **AFTER)
        operations.clear()
        with monkeypatch.context() as patched:
            patched.setattr(stores, "_files", at(limit))
            try:
                store.give()
            except KeyboardInterrupt:
                return True
        return False

    limit = 0
    while stopped_at(limit, there := f"{address}-{limit}"):
        found = names(there)
        whole = [n for n in (20, 40) if f"checkpoints/{n}.index" in found]
        assert whole
        assert all(text(there, f"checkpoints/{n}.data") == str(n) for n in whole)
        assert "card.md" not in found or text(there, "config.json") == "20"
        after = Store(there)
        after.claim()
        assert not [name for name in gfile.listdir(there) if name.startswith(files.UNFINISHED)]
        write(after, **{name: text for name, text in AFTER.items() if text})
        after.give()
        assert text(there, "checkpoints/40.data") == text(there, "config.json") == "40"
        limit += 1
    assert limit == 4 * 2 + 3  # four files are given, three are removed
    assert names(there) == [
        *("checkpoints/40.data", "checkpoints/40.index", "config.json", "log.csv")
    ]


def test_a_new_run_that_is_half_given_is_a_run(address, monkeypatch):
    """What has no config.json is another thing's folder, which is not trained in."""
    store = Store(address)
    write(store, **BEFORE)
    real = gfile.rename

    def once(*arguments, **more):
        real(*arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(gfile, "rename", once)
    with pytest.raises(KeyboardInterrupt):
        store.give()
    assert names(address) == ["config.json"]
    assert not store.holds_another_thing()


def test_the_last_who_began_has_the_run(address):
    one, other = Store(address), Store(address)
    one.claim()
    write(one, config_json="20")
    one.give()
    other.claim()
    write(one, log_csv="1")
    with pytest.raises(UserError, match=rf"the run in {address} is another process' by now"):
        one.give()
    write(other, log_csv="2")
    other.give()
    assert text(address, "log.csv") == "2"


def test_what_another_has_changed_is_fetched(address):
    one, other = Store(address), Store(address)
    write(one, **BEFORE)
    one.give()
    other.fetch()
    assert [p.name for p in other.folder.iterdir() if p.is_dir()] == []  # for training alone
    other.fetch(training=True)
    assert (other.folder / "checkpoints/20.data").read_text() == "20"
    write(one, **AFTER)
    one.give()
    other.fetch()
    assert (other.folder / "log.csv").read_text() == "1 2"
    assert not (other.folder / "card.md").exists()
    assert (other.folder / "checkpoints/20.data").exists()
    write(other, metrics_json="worth")
    other.give()
    assert text(address, "metrics.json") == "worth"
    assert "checkpoints/40.data" in names(address)
    gfile.rmtree(address)
    other.fetch()
    assert not other.folder.exists()


def test_a_folder_of_other_things_is_neither_brought_nor_trained_in(address):
    gfile.makedirs(f"{address}/below")
    with gfile.GFile(f"{address}/below/huge", "w") as file:
        file.write("x")
    run = RunDir(address)
    assert run.holds_another_thing()
    assert not run.path.exists()
    with pytest.raises(UserError, match=rf"{address} is not a run directory"):
        tfgen.load(address)


def test_a_run_that_is_refused_at_its_start_leaves_nothing(address):
    """Folders are left, as stores have them; what comes next is not refused for their sake."""
    run = RunDir(address)

    def begin():
        with claim.locked(run):
            run.checkpoints.mkdir()
            files.write_text(run.config_file, "{}")
            (run.checkpoints / "ckpt-0.index").touch()
            run.give()
            assert names(address) == ["checkpoints/ckpt-0.index", "config.json"]
            raise UserError("too dark")

    with pytest.raises(UserError, match="too dark"):
        begin()
    assert not any(found for _, _, found in gfile.walk(address))
    assert not run.holds_another_thing()


def test_an_address_is_known_as_it_is_written_and_by_its_folder(address):
    run = RunDir(address)
    assert run.path.name == "run"
    assert RunDir(f"{address}/").store is run.store
    with pytest.raises(UserError, match="before it was a Path"):
        RunDir(Path(address))
    assert RunDir(run.path).store is run.store
    assert run.shown(run.figures / "a.png") == f"{address}/figures/a.png"
    assert not addresses.is_one("a:/b")
    assert RunDir("runs/a").store is None


REFUSED = {
    "s3": lambda at: RunDir("s3://bucket/run"),
    "pictures": lambda at: data.open_source(at),
    "pictures to measure": lambda at: tfgen.evaluate(at, "digits:test"),
    "a zip": lambda at: tfgen.load(f"{at}.zip"),
    "a file": lambda at: files.write_text(at, ""),
    "a folder": lambda at: files.empty_folder(at),
    "samples": lambda at: batch.export("zoo:dcgan/digits", range(3), at),
    "workers": lambda at: batch.export(at, range(3), "out", runner="FlinkRunner"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_run_is_refused_with_what_to_do(what, address, monkeypatch):
    monkeypatch.setattr(engine, "check_installed", lambda: None)
    with pytest.raises(UserError, match=r"is the address of a store, .*: mount the store"):
        REFUSED[what](address)
