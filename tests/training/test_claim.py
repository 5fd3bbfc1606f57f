"""A run belongs to one process."""

import pytest

from tests.support import runs
from tfgen.errors import UserError
from tfgen.run_dir import RunDir
from tfgen.training import claim


def test_two_processes_do_not_share_a_run(tmp_path):
    run = RunDir(tmp_path / "run")
    with claim.locked(run), pytest.raises(UserError, match=r"another process"):
        runs.go("vae", runs.config("vae"), run.path)
