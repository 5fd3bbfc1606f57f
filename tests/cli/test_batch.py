"""`export.batch` with real workers: the same bytes by one and by two, and nobody left behind."""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tfgen
from tests.conftest import ROOT
from tests.support import batches, runs
from tfgen.evaluation import at_scale, pictures
from tfgen.metrics import moments
from tfgen.run import Run
from tfgen.shards.folder import Folder

pytestmark = [pytest.mark.beam, pytest.mark.slow]

MARK = "TFGEN_TEST"  # of processes, in their environment


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return batches.trained(tmp_path_factory.mktemp("batch") / "run")


def command(run, out, *flags, seeds="0:4200"):
    return [
        *(sys.executable, "-m", "export.batch", f"--from={run.path}", f"--seeds={seeds}"),
        *(f"--out={out}", "--format=npz", *flags),
    ]


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """The folder that two workers make, by the command; and what it says."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = runs.run(command(run, out, "--workers=2"))
    assert done.returncode == 0, done.stderr
    return Folder(out), done


def hashes(folder):
    return [shard["sha256"] for shard in folder.read_manifest()["shards"]]


def test_two_workers_make_the_samples_of_the_run_and_say_how_far_they_are(run, whole):
    folder, done = whole
    assert done.stdout.endswith(
        f"4,200 of 4,200 samples\nwrote 4,200 samples in 5 shards to {folder.path}\n"
    )
    assert not done.stderr
    with np.load(folder.shards / "00004.npz") as file:
        assert np.array_equal(file["seeds"], range(4000, 4200))
        assert np.allclose(file["images"], run.sample(range(4000, 4200)), rtol=0, atol=1e-6)


def test_one_worker_and_a_loop_without_any_make_the_same_bytes(run, whole, tmp_path):
    found = run.export_batch(range(4200), tmp_path / "one", format="npz", workers=1)
    assert [shard["sha256"] for shard in found["shards"]] == hashes(whole[0])
    loop = batches.make(run.path, range(4200), tmp_path / "loop")
    for index in range(5):  # this process has its own number of threads
        ours, theirs = (np.load(f.shards / f"{index:05d}.npz")["images"] for f in (loop, whole[0]))
        assert np.allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(run, number, tmp_path):
    """It has more seeds than it will come to."""
    arguments = command(run, tmp_path / "out", "--workers=2", seeds="0:4000000")
    more = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | {MARK: str(tmp_path)}}
    process = subprocess.Popen(arguments, cwd=ROOT, **more)
    folder = Folder(tmp_path / "out")
    while folder.done() < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == (143 if number == signal.SIGTERM else -9)
    until = time.time() + 20
    while (left := marked(tmp_path)) and time.time() < until:
        time.sleep(0.2)
    assert not left


def marked(value):
    """The processes whose environment has the mark: the command and all that it has started."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if f"{MARK}={value}".encode() in file.read().split(b"\0"):
                found.append(name)
    return found


def test_shards_that_stand_are_not_made_again_and_a_broken_one_is(run, whole):
    folder, _ = whole
    before, wanted = folder.manifest.read_bytes(), hashes(folder)
    times = [(folder.shards / f"{i:05d}.npz").stat().st_mtime_ns for i in range(5)]
    with open(folder.shards / "00003.npz", "r+b") as file:
        file.write(b"torn")
    run.export_batch(range(4200), folder.path, format="npz", workers=1)
    again = [(folder.shards / f"{i:05d}.npz").stat().st_mtime_ns for i in range(5)]
    assert [a == b for a, b in zip(times, again, strict=True)] == [True, True, True, False, True]
    assert (folder.manifest.read_bytes(), hashes(folder)) == (before, wanted)


def test_exports_are_sampled_as_their_run(run, whole, tmp_path):
    exported = Run(run.path, out=tmp_path)
    saved = exported.export("saved_model")
    exported.export("tflite", precisions=["float32"], batch=100)
    (lite,) = (tmp_path / "tflite").glob("*.tflite")
    with np.load(whole[0].shards / "00000.npz") as file:
        expected = file["images"][:500]
    for source in (saved, lite):
        out = tmp_path / source.suffix.strip(".") / "out"
        flags = [f"--from={source}", "--seeds=0:500", f"--out={out}", "--format=npz"]
        done = runs.here("export.batch", *flags, "--workers=1")
        assert done.returncode == 0, done.stderr
        with np.load(out / "shards" / "00000.npz") as file:
            assert np.allclose(file["images"], expected, rtol=0, atol=1e-5)
        assert len(json.loads((out / "job.json").read_text())["model"]["sha256"]) == 64


def test_a_table_of_classes_is_sampled_by_workers(tmp_path):
    """A conditional run, each seed of the class that its row says; bad rows go to a file."""
    seeds, labels = np.arange(100, 1300), np.random.default_rng(0).integers(0, 10, 1200)
    rows = [f"{seed},{label}\n" for seed, label in zip(seeds, labels, strict=True)]
    (tmp_path / "asked.csv").write_text("".join(["seed,label\n", *rows, "7,eleven\n"]))
    run, folder = tfgen.load("zoo:conditional_gan/digits"), Folder(tmp_path / "out")
    done = runs.run(
        [
            *(sys.executable, "-m", "export.batch", "--from=zoo:conditional_gan/digits"),
            *(f"--conditions={tmp_path}/asked.csv", f"--rejects={tmp_path}/bad.csv"),
            *(f"--out={folder.path}", "--format=npz", "--workers=2"),
        ]
    )
    assert done.returncode == 0, done.stderr
    assert "7,eleven" in (tmp_path / "bad.csv").read_text()
    shards = [np.load(folder.shards / f"{i:05d}.npz") for i in range(2)]
    found = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    assert np.array_equal(found["seeds"], seeds)
    assert np.array_equal(found["label"], labels)
    expected = run.sample(seeds, label=labels)
    assert np.allclose(found["images"], expected, rtol=0, atol=1e-6)
    others = run.sample(seeds, label=(labels + 1) % 10)
    assert np.abs(found["images"] - others).max(axis=(1, 2, 3)).min() > 0.01


def test_workers_measure_what_one_process_does(whole):
    folder, against = str(whole[0].path), "digits:validation+test"
    found = tfgen.evaluate(folder, against, workers=2)
    real = functools.partial(pictures.read, against, "", "against")
    look = at_scale.opened(folder, real, "auto", ("", ""))
    part = at_scale.merged(map(look, range(look.parts)))
    real = part.of["one"] + part.of["other"]
    expected = {
        "frechet": moments.frechet(real, part.of["samples"]),
        "kid": moments.unbiased_mmd(real, part.of["samples"]),
    }
    assert found["results"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
