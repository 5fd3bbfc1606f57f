"""Apache Beam beside TensorFlow: numbers are done by processes, which say what fails there."""

import errno
import functools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfgen import engine
from tfgen.errors import UserError

pytestmark = [pytest.mark.beam, pytest.mark.slow]


class Worker:
    """Writes which process has done a number, how often it was opened there."""

    opened = 0

    def __init__(self, folder):
        type(self).opened += 1
        self.folder = Path(folder)

    def __call__(self, number):
        if number == 666:
            raise UserError(f"`n={number}`: is refused\nin two lines.")
        if number == 665:
            raise OSError(errno.ENOSPC, "No space left on device", "/full/disk")
        if number == 667:
            raise ZeroDivisionError("ours")
        time.sleep(0.05)
        (self.folder / f"{number}").write_text(f"{os.getpid()} {type(self).opened}")
        return {number}


def union(found):
    return set().union(*found)


def test_each_number_is_done_once_by_as_many_processes_as_wanted(tmp_path):
    engine.for_each(range(40), functools.partial(Worker, str(tmp_path)), workers=2)
    done = {int(path.name): path.read_text().split() for path in tmp_path.iterdir()}
    assert set(done) == set(range(40))
    processes = {process for process, _ in done.values()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes
    assert {opened for _, opened in done.values()} == {"1"}


def test_what_is_found_is_merged_and_leaves_nothing(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    opener = functools.partial(Worker, str(tmp_path))
    assert engine.merged(range(25), opener, union, out, workers=2) == set(range(25))
    assert not list(out.iterdir())


def test_errors_of_a_user_or_a_disk_are_such_here(tmp_path):
    opener = functools.partial(Worker, str(tmp_path))
    with pytest.raises(UserError) as raised:
        engine.for_each([1, 666], opener, workers=1)
    assert str(raised.value) == "`n=666`: is refused\nin two lines."
    with pytest.raises(OSError, match="No space left on device: '/full/disk'") as failed:
        engine.for_each([665], opener, workers=1)
    assert failed.value.errno == errno.ENOSPC
    with pytest.raises(RuntimeError, match="ZeroDivisionError: ours"):
        engine.for_each([667], opener, workers=1)


def test_another_runner_is_named_and_has_its_options(tmp_path):
    """Beam's own, in this process, stands for those that need a cluster."""
    opener = functools.partial(Worker, str(tmp_path))
    where = ("apache_beam.runners.portability.fn_api_runner.FnApiRunner", ["direct_num_workers=1"])
    assert engine.merged(range(3), opener, union, tmp_path, *where) == {0, 1, 2}
    assert {(tmp_path / str(i)).read_text().split()[0] for i in range(3)} == {str(os.getpid())}
    with pytest.raises(UserError, match="is refused"):
        engine.for_each([666], opener, *where)


def test_beam_installs_beside_tensorflow():
    code = "import tensorflow, apache_beam, tfgen.models; print(tensorflow.constant(3).numpy())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["3"], done.stderr
