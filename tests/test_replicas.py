"""N replicas equal one: the same losses and weights, each replica with its share of the noise."""

import json
import sys

import pytest

from tests import runs
from tests.zoo import REPLICATED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results():
    done = runs.run([sys.executable, "-m", "tests.replicas"], timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["name"]: line for line in lines}


@pytest.mark.parametrize("name", [row.id for row in REPLICATED])
def test_two_replicas_equal_one_device(results, name):
    found = results[name]
    assert found["same_start"]
    assert found["replicas_agree"]
    one, two = found["losses"]
    for step_one, step_two in zip(one, two, strict=True):
        assert step_one == pytest.approx(step_two, rel=2e-4, abs=1e-5)
    for weight in found["weights"]:
        # Adam divides by the gradient's size, so rounding shows where gradients are near zero.
        assert weight["difference"] <= 0.02 * weight["moved"] + 2e-6, weight


@pytest.mark.parametrize("name", [row.id for row in REPLICATED])
def test_replicas_draw_the_noise_of_their_rows(results, name):
    found = results[name]
    first, second = found["seeds"]
    assert not set(first) & set(second)
    assert first + second == found["one_seeds"]


def test_the_command_trains_and_resumes_on_two_replicas(tmp_path):
    """Through fit, looks at the validation split, checkpoints and the model file.

    The log is that of one device.
    """
    path = tmp_path / "two"
    watched = {"replicas": 2, "steps": 20, "eval_every": 10, "data.validation": "validation"}
    done = runs.run(runs.command("dcgan", path, **watched))
    assert done.returncode == 0, done.stderr
    assert runs.run(runs.command("dcgan", tmp_path / "one", steps=20)).returncode == 0
    logs = [(tmp_path / d / "log.csv").read_text().split()[1:] for d in ("one", "two")]
    for a, b in zip(*logs, strict=True):
        assert list(map(float, a.split(","))) == pytest.approx(
            list(map(float, b.split(","))), rel=1e-3
        )
    looks = (path / "validation.csv").read_text()
    assert looks.count("\n") == 3
    (path / "card.md").unlink()
    for file in (path / "checkpoints").glob("ckpt-20.*"):
        file.unlink()
    again = runs.run(runs.command("dcgan", path, **watched))
    assert "Continuing from step 10" in again.stdout
    assert (path / "log.csv").read_text().split()[1:] == logs[1]
    assert (path / "validation.csv").read_text() == looks
