"""SIGKILL at any moment, a full disk, a lost checkpoint: the same command ends at the same run."""

import random
import resource
import subprocess
import time

import pytest

from tests import runs
from tests.conftest import ROOT

# Long enough to be killed several times on the way.
LONG = {"steps": 1500, "save_every": 50, "log_every": 10}
# Of steps that take longer fewer will do.
SLOW = {"steps": 750, "save_every": 25, "log_every": 5}


def checkpoints(path):
    return sorted((path / "checkpoints").glob("ckpt-*.index"))


def kill_during(arguments, path, moment):
    """Starts the command and kills it once `moment()` is true; returns False if it ended before."""
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while process.poll() is None:
        if moment():
            process.kill()
            process.communicate()
            return True
        time.sleep(0.0005)
    out = process.communicate()[0]
    assert process.returncode == 0, out
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"), [("dcgan", LONG), ("vae", LONG), ("progan", SLOW), ("cyclegan", SLOW)]
)
def test_a_killed_run_ends_as_an_untouched_one(name, changes, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = runs.run(runs.command(name, whole, **changes))
    assert done.returncode == 0, done.stderr

    arguments = runs.command(name, killed, **changes)
    dice = random.Random(name)

    def after_some_checkpoints():
        start, wait = len(list(killed.glob("samples/*"))), dice.uniform(0, 0.2)
        seen = []

        def moment():
            if not seen and len(list(killed.glob("samples/*"))) >= start + 3:
                seen.append(time.monotonic() + wait)
            return seen and time.monotonic() > seen[0]

        return moment

    def while_a_checkpoint_is_written():
        start = len(list(killed.glob("samples/*")))
        # A file that is no finished checkpoint: the writing of one is under way.
        return lambda: (
            len(list(killed.glob("samples/*"))) > start + 2
            and any("temp" in f.name for f in (killed / "checkpoints").iterdir())
        )

    kills = [kill_during(arguments, killed, after_some_checkpoints())]
    kills += [kill_during(arguments, killed, while_a_checkpoint_is_written())]
    assert all(kills), "the run was over before it could be killed"
    assert checkpoints(killed)
    # And one while TensorFlow loads and restores.
    began = time.monotonic()
    kill_during(arguments, killed, lambda: time.monotonic() > began + 3)

    done = runs.run(arguments)
    assert done.returncode == 0, done.stderr
    assert "Continuing from step" in done.stdout
    runs.assert_same_run(whole, killed)


@pytest.mark.slow
def test_a_full_disk_is_reported_and_loses_nothing(tmp_path):
    """A limit on the size of files stands for the disk: logs fit, checkpoints do not."""
    whole, full = tmp_path / "whole", tmp_path / "full"
    changes = {"model.width": 32, "steps": 40}
    assert runs.run(runs.command("dcgan", whole, **changes)).returncode == 0
    checkpoint_size = max(f.stat().st_size for f in (whole / "checkpoints").glob("*.data*"))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (checkpoint_size // 2, checkpoint_size // 2))

    stopped = runs.run(runs.command("dcgan", full, **changes), preexec_fn=limit)
    assert stopped.returncode == 1
    assert "error: cannot write the checkpoint of step 10" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert runs.run(runs.command("dcgan", full, **changes)).returncode == 0
    runs.assert_same_run(whole, full)
