"""Several processes train as one: the same weights, one run directory, ends that are said.

Workers are processes of their own on the loopback address, forked from one that has loaded
TensorFlow (`tests/support/forks.py`).
"""

import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import tfgen
from tests.support import runs, small, workers
from tests.support.equality import assert_equal_to_one
from tfgen.errors import UserError
from tfgen.training import cluster, devices, hosts, line, same
from tfgen.training.job import Job

# Of each way in which a batch is coupled a row: batch statistics and two optimizers, an objective
# of the batch, a penalty on gradients, negative chains. {(workers, devices of each): rows}.
ROWS = {(2, 2): ["dcgan"], (2, 1): ["dragan", "rbm"], (3, 1): ["wae_mmd"]}

WATCHED = {
    **{"steps": 80, "save_every": 20, "log_every": 10},
    **{"eval_every": 40, "eval_metric": "loss"},
}


@pytest.mark.slow
@pytest.mark.parametrize(("count", "each"), ROWS)
def test_workers_equal_one_device(tmp_path, count, each):
    rows = ROWS[count, each]
    module = "tests.support.equal_workers"
    all_of_them = workers.begun(count, tmp_path, each, *rows, module=module)
    ended = [worker.wait() for worker in all_of_them]
    assert [status for status, _ in ended] == [0] * count, ended
    found = json.loads(ended[0][1].splitlines()[-1])
    assert list(found) == rows
    for equal in found.values():
        assert_equal_to_one(equal)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that two workers have trained untouched."""
    folder = tmp_path_factory.mktemp("whole")
    said = workers.trained(folder / "out", *workers.flags(small.FILE, folder / "run", **WATCHED))
    assert "step 80/80" in said[0]
    assert not said[1].strip()
    return folder / "run"


def until(folder, step, name="samples/step-{:07d}.png"):
    """Waits for the picture of a step, or another file of it."""
    file, ends = folder / "run" / name.format(step), time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < ends, [f.read_text() for f in folder.glob("out/*.txt")]
        time.sleep(0.002)


def ended(worker):
    """(status, what it printed) of a worker that is to end in under a minute from now."""
    began = time.monotonic()
    found = worker.wait()
    assert time.monotonic() - began < 60
    return found


@pytest.mark.slow
def test_stopped_and_killed_workers_end_as_untouched_ones(tmp_path, whole):
    """SIGTERM to one, SIGKILL to the other and to the chief; the whole job started again each time,
    the last two times by the address of a store, which the folder is to TensorFlow too.

    Some 40 s: four times two processes that trace and draw.
    """
    arguments = workers.flags(small.FILE, tmp_path / "run", **WATCHED)
    by_address = workers.flags(small.FILE, f"file://{tmp_path}/run", **WATCHED)

    chief, worker = workers.pair(tmp_path / "out", *arguments)
    until(tmp_path, 20)
    worker.kill(signal.SIGTERM)
    status, said = chief.wait()
    assert (status, worker.wait()[0]) == (128 + signal.SIGTERM,) * 2, said
    stopped = int(said.partition("Stopped by SIGTERM at step ")[2].partition(";")[0])
    assert (tmp_path / f"run/checkpoints/ckpt-{stopped}.index").exists()

    chief, worker = workers.pair(tmp_path / "out", *arguments)
    until(tmp_path, 40)
    worker.kill()
    status, said = ended(chief)
    assert f"Continuing from step {stopped}" in said
    assert status == 1
    assert said.count("error: worker 1 (127.0.0.1:") == 1
    assert "Traceback" not in said

    chief, worker = workers.pair(tmp_path / "out", *by_address)
    until(tmp_path, 60, "checkpoints/ckpt-{}.index")  # an object store has none that is half there
    chief.kill()
    status, said = ended(worker)
    assert status == 1
    # TensorFlow's own log may come first, where it was within a reduction.
    assert said.count("error: the chief, worker 0 (127.0.0.1:") == 1
    assert "Traceback" not in said

    said, _ = workers.trained(tmp_path / "out", *by_address)
    assert "Continuing from step 60" in said
    runs.assert_same_run(whole, tmp_path / "run")
    looks = [(folder / "validation.csv").read_bytes() for folder in (whole, tmp_path / "run")]
    assert looks[0] == looks[1]


@pytest.mark.slow
def test_a_complete_run_is_complete_on_all(tmp_path, whole):
    said = workers.trained(tmp_path, *workers.flags(small.FILE, whole, **WATCHED))
    assert "is complete: 80 steps" in said[0]


@pytest.mark.slow
def test_workers_that_differ_are_told_in_what(tmp_path):
    """In their settings and code before data are opened; in the run directory before a step."""
    both = workers.addresses(2)
    flags = [workers.flags(small.FILE, tmp_path / "run", batch_size=16 * (i + 1)) for i in range(2)]
    pair = [workers.start(tmp_path, i, both, *flags[i]) for i in range(2)]
    for status, said in map(workers.Worker.wait, pair):
        assert status == 2
        assert f"--config.batch_size: 32 at worker 1 ({both[1]}), 16 at the chief" in said
        assert "Traceback" not in said
    assert not (tmp_path / "run").exists()

    both = workers.addresses(2)
    flags = [workers.flags(small.FILE, tmp_path / f"run{i}") for i in range(2)]
    pair = [workers.start(tmp_path, i, both, *flags[i]) for i in range(2)]
    for status, said in map(workers.Worker.wait, pair):
        assert status == 2
        assert f"the chief's run directory: 'not there' at worker 1 ({both[1]})" in said
        assert "a disk or in a store that all share" in said
        assert "Traceback" not in said
    assert not any((tmp_path / f"run{i}/config.json").exists() for i in range(2))


@pytest.mark.slow
def test_who_never_comes_is_named(tmp_path):
    assert line.COME < 60
    three = workers.addresses(3)
    flags = workers.flags(small.FILE, tmp_path / "run")
    present = [workers.start(tmp_path, i, three, *flags, TFGEN_WAIT="3") for i in range(2)]
    for status, said in map(ended, present):
        assert status == 1
        assert f"worker 2 ({three[2]}) did not come within 3 s" in said
        assert "Traceback" not in said
    alone = workers.start(tmp_path, 1, workers.addresses(2), *flags, TFGEN_WAIT="1")
    status, said = ended(alone)
    assert status == 1
    assert said.startswith("error: the chief, worker 0 (127.0.0.1:")


def connected():
    """The chief's side of a worker, and the other end of its line."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = socket.create_connection(listening.getsockname())
        here, _ = listening.accept()
    both = cluster.Cluster(("a:1", "b:2"), 0)
    return hosts.Hosts(both, {1: line.Line(here, silence=0.3)}), line.Line(there)


def test_other_code_and_other_devices_are_told_to_both(monkeypatch, tmp_path):
    """What the chief compares before anything is begun, against a worker that has other sources."""
    job = Job(small.FILE, runs.config(small.FILE))
    here = same.of_job(job)
    shutil.copytree(Path(tfgen.__file__).parent / "shards", tmp_path / "tfgen")
    with monkeypatch.context() as patched:
        patched.setattr(tfgen, "__file__", str(tmp_path / "tfgen/__init__.py"))
        patched.setattr(devices, "count", lambda replicas: "4 GPU")
        same._code.cache_clear()
        there = same.of_job(job)
    same._code.cache_clear()
    assert there["tfgen"].partition(",")[0] == here["tfgen"].partition(",")[0]
    chief, other = connected()
    try:
        other.send("told", there)
        with pytest.raises(UserError) as raised:
            chief.compare(lambda: here)
        kind, said = other.receive()
        assert (kind, said) == ("told", str(raised.value))
        assert said.splitlines()[1:-1] == [
            f"  {key}: {there[key]!r} at worker 1 (b:2), {here[key]!r} at the chief, worker 0 (a:1)"
            for key in ("devices", "tfgen")
        ]
    finally:
        chief.fail(UserError("over"))
        chief.close()
        other.close()


def test_a_worker_that_is_silent_counts_as_gone():
    """One whose machine stops closes nothing."""
    chief, other = connected()
    try:
        with pytest.raises(line.Lost, match=r"^worker 1 \(b:2\) has been silent for"):
            chief.compare(dict)
    finally:
        chief.fail(UserError("over"))
        chief.close()
        other.close()


def test_all_stop_at_a_step_that_each_has_heard_of():
    """The chief ends the step before it only when the worker has confirmed."""
    chief, other = connected()
    try:
        other.send("stop", signal.SIGTERM)
        while chief.asked is None:
            other.send("alive")
            time.sleep(0.01)
        confirmed = []

        def confirm():
            while (found := other.receive())[0] != "stop":
                pass
            assert found[1] == [8, signal.SIGTERM]
            time.sleep(0.1)
            confirmed.append(True)
            other.send("heard")

        thread = threading.Thread(target=confirm)
        thread.start()
        assert chief.stopping(7, None) is None
        assert confirmed
        assert chief.stopping(8, None) == signal.SIGTERM
        thread.join()
    finally:
        chief.fail(UserError("over"))
        chief.close()
        other.close()
