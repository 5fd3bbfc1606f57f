"""Rate and distortion: one command, which goes on from what is there."""

import json

import pytest

from benchmarks import rates


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "RESULTS", tmp_path)
    return tmp_path


def test_it_goes_on_from_what_is_there(results, monkeypatch, capsys):
    asked = []

    def measured(beta, options):
        asked.append(beta)
        return {"beta": beta, "rate": 10 / beta, "distortion": 50 + 10 * beta}

    monkeypatch.setattr(rates, "measured", measured)
    assert rates.main(["--betas=1,0.1"]) == 0
    assert rates.main(["--betas=0.1,10"]) == 0
    assert asked == [0.1, 1, 10]
    content = json.loads((results / "rates-digits.json").read_text())
    assert [point["beta"] for point in content["points"]] == [0.1, 1, 10]
    assert (results / "rates-digits.png").stat().st_size > 5000
    # Runs of other steps are no points of this curve.
    assert rates.main(["--betas=1", "--steps=7"]) == 0
    assert len(json.loads((results / "rates-digits.json").read_text())["points"]) == 1
    assert rates.main(["--betas=1,-1"]) == 2
    assert "--betas: '-1' is no number above 0" in capsys.readouterr().err


@pytest.mark.slow
def test_a_heavier_weight_costs_less_rate(results, tmp_path):
    """Two short trainings: some 15 s."""
    assert rates.main(["--betas=0.1,10", "--steps=150", f"--runs={tmp_path}/runs"]) == 0
    light, heavy = json.loads((results / "rates-digits.json").read_text())["points"]
    assert light["rate"] > heavy["rate"]
    assert light["distortion"] < heavy["distortion"]
