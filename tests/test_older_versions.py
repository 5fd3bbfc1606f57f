"""Runs of older versions: they load, sample what they did, and go on.

`golden/<version>` holds what that version wrote: 20 steps of tiny networks on digits, and the first
pixels of seed 0 as it made them.
"""

import json
import re
import shutil

import numpy as np
import pytest

import tfgen
from tests.conftest import ROOT
from tests.support import runs
from tfgen import settings
from tfgen.errors import UserError
from tfgen.reports import provenance
from tfgen.run_dir import RunDir

OLDER = ROOT / "tests" / "golden"
RUNS = [path.parent for path in sorted(OLDER.glob("*/*/config.json"))]


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_older_run_samples_what_it_did(path):
    golden = json.loads((path.parent / "golden.json").read_text())[path.name]
    images = tfgen.load(path).sample([0, 1, 2, 3])
    assert np.allclose(images.ravel()[: len(golden)], golden, atol=1e-6)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_older_run_says_how_it_was_trained(path):
    command = provenance.of(RunDir(path), tfgen.load(path).model)["command"]
    assert command.startswith("python -m train.run --model=")
    assert "--config.steps=20" in command
    assert "accumulate" not in command  # which it had no setting for


@pytest.mark.slow
def test_an_older_run_is_the_same_run_and_can_be_prolonged(tmp_path, capsys):
    """What its config.json does not say, for there were no such settings, has its default."""
    path = tmp_path / "vae"
    shutil.copytree(OLDER / "0.1.0" / "vae", path)
    content = json.loads((path / "config.json").read_text())
    assert "tfgen" not in content
    assert "init" not in content["config"]
    config = settings.find("vae")
    config.update(RunDir(path).read_config()[1])
    del content["config"]["model"]["components"]  # as if it were younger than the run
    (path / "config.json").write_text(json.dumps(content))
    card = (path / "card.md").read_text()
    runs.go("vae", config, path)
    assert (path / "card.md").read_text() == card
    assert "complete: 20 steps" in capsys.readouterr().out
    config.steps = 30
    longer = runs.go("vae", config, path)
    assert "Continuing from step 20" in capsys.readouterr().out
    assert longer.model.steps_done == 30
    assert re.findall(r"^\d+", (path / "log.csv").read_text(), re.M) == ["10", "20", "30"]


def test_a_run_of_a_later_version_is_refused(tmp_path):
    shutil.copytree(OLDER / "0.1.0" / "vae", tmp_path / "vae")
    content = json.loads((tmp_path / "vae" / "config.json").read_text()) | {"tfgen": "9.1.0"}
    (tmp_path / "vae" / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"was made by tfgen 9\.1\.0, and this is"):
        tfgen.load(tmp_path / "vae")
