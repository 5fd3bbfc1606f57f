"""SIGKILL at any moment, a full disk: the same command ends at the same run.

What a model could lose, and not the loop, `tests/test_zoo.py` tries with every row.
"""

import random
import resource
import subprocess
import time

import numpy as np
import pytest

import tfgen
from tests.conftest import ROOT
from tests.support import runs, small

# Long enough to be killed twice on the way, and watched: the best weights are state too.
LONG = {
    **{"steps": 200, "save_every": 20, "log_every": 10},
    **{"eval_every": 20, "eval_metric": "loss"},
}


def kill_during(arguments, path, moment):
    """Starts the command and kills it once `moment(process)` is true.

    Returns: False if it ended before.
    """
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while process.poll() is None:
        if moment(process):
            process.kill()
            process.communicate()
            return True
        time.sleep(0.0005)
    out = process.communicate()[0]
    assert process.returncode == 0, out
    return False


@pytest.mark.slow
def test_a_killed_run_ends_as_an_untouched_one(tmp_path):
    """Some 30 s: three processes that are killed, each of which loads TensorFlow and traces."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = runs.train(small.FILE, whole, **LONG)
    assert done.returncode == 0, done.stderr

    arguments = runs.command(small.FILE, killed, **LONG)
    dice = random.Random(0)

    def grids():
        return len(list(killed.glob("samples/*")))

    def after_some_checkpoints():
        start, wait, seen = grids(), dice.uniform(0, 0.2), []

        def moment(_):
            if not seen and grids() >= start + 3:
                seen.append(time.monotonic() + wait)
            return seen and time.monotonic() > seen[0]

        return moment

    def while_a_checkpoint_is_written():
        start = grids()
        # A file that is no finished checkpoint: the writing of one is under way.
        return lambda _: (
            grids() > start + 2
            and any("temp" in f.name for f in (killed / "checkpoints").iterdir())
        )

    def while_tensorflow_loads(process):
        with open(f"/proc/{process.pid}/maps") as maps:
            return "libtensorflow_framework" in maps.read()

    for moment in (
        after_some_checkpoints(),
        while_tensorflow_loads,
        while_a_checkpoint_is_written(),
    ):
        assert kill_during(arguments, killed, moment), "the run was over before it could be killed"
        assert list((killed / "checkpoints").glob("ckpt-*.index"))

    done = runs.train(small.FILE, killed, **LONG)
    assert done.returncode == 0, done.stderr
    assert "Continuing from step" in done.stdout
    runs.assert_same_run(whole, killed)
    assert (killed / "validation.csv").read_bytes() == (whole / "validation.csv").read_bytes()
    one, two = (tfgen.load(run).model.get_weights() for run in (killed, whole))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.slow
def test_a_full_disk_is_reported_and_loses_nothing(tmp_path):
    """A limit on the size of files stands for the disk: logs fit, checkpoints do not."""
    whole, full = tmp_path / "whole", tmp_path / "full"
    changes = {"model.latent_dim": 2000, "steps": 40}
    assert runs.train(small.FILE, whole, **changes).returncode == 0
    checkpoint_size = max(f.stat().st_size for f in (whole / "checkpoints").glob("*.data*"))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (checkpoint_size // 2, hard))
    try:
        stopped = runs.train(small.FILE, full, **changes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stopped.returncode == 1
    assert "error: cannot write the checkpoint of step 10" in stopped.stderr
    assert "function_node" not in stopped.stderr
    assert runs.train(small.FILE, full, **changes).returncode == 0
    runs.assert_same_run(whole, full)
