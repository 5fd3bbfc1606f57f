"""Rate and distortion: one command, which goes on from what is there."""

import json

import numpy as np
import pytest

import tfgen
from benchmarks import rates
from tfgen import data


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
def test_a_point_is_what_validation_costs_the_run(results, tmp_path):
    """One short training: some 10 s. That more weight costs less rate is a test of the model."""
    assert rates.main(["--betas=4", "--steps=100", f"--runs={tmp_path}/runs"]) == 0
    (point,) = json.loads((results / "rates-digits.json").read_text())["points"]
    (workdir,) = (tmp_path / "runs").iterdir()
    run = tfgen.load(workdir)
    assert run.model.beta == 4.0
    x = data.arrays(run.validation)["image"] / np.float32(16)
    mean, log_var = (value.numpy() for value in run.model.posterior(x))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    assert point["rate"] == pytest.approx(kl.mean(), rel=1e-4)
    # The weight is in neither: both are nats of the bound.
    bound = run.model.elbo(x, samples=20).numpy()
    assert point["rate"] + point["distortion"] == pytest.approx(-bound.mean(), rel=0.02)
