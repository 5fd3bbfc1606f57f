"""A table of several seeds: its numbers by hand, rows that join others, and where it goes on."""

import json
import math

import pytest

from benchmarks import table
from tests.support.measured import content
from tfgen.errors import UserError
from tfgen.run_dir import RunDir


def test_mean_and_spread_by_hand():
    made = table.aggregate({"vae": [content(nll=n, seconds=s) for n, s in ((90, 10), (94, 20))]})
    row = made["models"]["vae"]
    assert row["metrics"]["nll"] == {"mean": 92, "std": math.sqrt(8), "values": [90, 94]}
    assert row["metrics"]["coverage"] is None
    assert row["seconds"] == 15
    assert row["diagnosis"] == ["dead codes"]
    assert "PCA of 3" not in made["baselines"]
    one = table.aggregate({"vae": [content()]})["models"]["vae"]["metrics"]["nll"]
    assert one == {"mean": 90.0, "std": None, "values": [90.0]}


def test_runs_measured_differently_make_no_table():
    with pytest.raises(UserError, match="n: 447 in vae seed 0, 99 in vae seed 1"):
        table.aggregate({"vae": [content(), content(seed=1, n=99)]})


def test_new_rows_join_those_that_are_there():
    old = table.aggregate({"vae": [content()], "dcgan": [content("dcgan")]})
    new = table.aggregate({"vae": [content(nll=80.0)]})
    merged = table.merge(old, new)
    assert set(merged["models"]) == {"vae", "dcgan"}
    assert merged["models"]["vae"]["metrics"]["nll"]["mean"] == 80.0
    # What real images get, where the new models have no part in it, stays.
    old["floor"]["cas"], old["baselines"]["all images"] = 0.96, {"cas": 0.97}
    merged = table.merge(old, new)
    assert merged["floor"] == new["floor"] | {"cas": 0.96}
    assert merged["baselines"] == new["baselines"] | {"all images": {"cas": 0.97}}
    other = table.aggregate({"vae": [content(n=300)]})
    with pytest.raises(UserError, match=r"n: .* in the table that there is, 300"):
        table.merge(old, other)
    # But all rows anew may replace a table of another protocol.
    both = table.aggregate({"vae": [content(version=2)], "dcgan": [content("dcgan", version=2)]})
    assert table.merge(old, both) == both


def test_rows_of_other_settings_say_so(tmp_path, monkeypatch, capsys):
    asked = []

    def command(module, *flags):
        run = RunDir(next(f for f in flags if f.startswith("--workdir")).partition("=")[2])
        run.path.mkdir(parents=True, exist_ok=True)
        if module == "train.run":
            asked.extend(flags)
            run.card.write_text("card")
            run.write_config("vae", table.config_of("vae", "digits", 0, {"steps": "60"}))
        else:
            run.metrics.write_text(json.dumps(content()))

    monkeypatch.setattr(table, "run_command", command)
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results")
    arguments = ["--models=vae", "--seeds=1", "--set=steps=60", f"--runs={tmp_path / 'runs'}"]
    assert table.main(arguments) == 0
    assert "--config.steps=60" in asked
    said = "Settings that are not those of the config: `vae` steps=60."
    assert said in capsys.readouterr().out
    # A finished run of these steps is not one of the config's.
    assert table.main(arguments[:2] + arguments[3:]) == 2
    for wrong in ("steps", "steps=many", "depths=3"):
        assert table.main(["--models=vae", f"--set={wrong}"]) == 2


def test_a_table_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    """Finished runs are not trained again, and numbers of older code are renewed."""
    from tfgen import evaluation

    calls = []
    monkeypatch.setattr(evaluation, "VERSION", 1)

    def command(module, *flags):
        calls.append(module)
        workdir = next(f for f in flags if f.startswith("--workdir")).partition("=")[2]
        run = RunDir(workdir)
        run.path.mkdir(parents=True, exist_ok=True)
        if module == "train.run":
            run.card.write_text("card")
            run.write_config("vae", table.config_of("vae", "digits", int(workdir[-1])))
        else:
            run.metrics.write_text(json.dumps(content(seed=int(workdir[-1]))))

    monkeypatch.setattr(table, "run_command", command)
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results")
    arguments = ["--models=vae", "--seeds=2", f"--runs={tmp_path / 'runs'}"]
    assert table.main(arguments) == 0
    assert calls == ["train.run", "train.evaluate"] * 2
    out = capsys.readouterr().out
    assert "1/2  vae seed 0: trained and measured" in out
    for suffix in ("json", "html", "png"):
        assert (tmp_path / "results" / f"digits.{suffix}").exists()
    calls.clear()
    assert table.main(arguments) == 0
    assert calls == []
    assert "there already" in capsys.readouterr().out
    monkeypatch.setattr(evaluation, "VERSION", 2)
    table.main(arguments)
    assert calls == ["train.evaluate"] * 2


def test_runs_of_other_settings_are_no_rows_of_this_table(tmp_path, capsys):
    run = RunDir(tmp_path / "vae-seed0")
    run.path.mkdir()
    run.card.write_text("card")
    run.write_config("vae", table.config_of("vae", "digits", 0) | {"steps": 7})
    assert table.main(["--models=vae", "--seeds=1", f"--runs={tmp_path}"]) == 2
    assert "holds a run of other settings than those of configs/vae.py" in capsys.readouterr().err
    # What followed from the data is no other setting.
    config = table.config_of("vae", "digits", 0)
    config["model"]["depth"] = 3
    run.write_config("vae", config, ["model.depth"])
    assert table._of_config(run, "vae", table.config_of("vae", "digits", 0))
    assert not table._of_config(run, "vae", table.config_of("vae", "digits", 1))


def test_bad_flags(capsys):
    assert table.main(["--models=vea"]) == 2
    assert "Did you mean 'vae'" in capsys.readouterr().err
    assert table.main(["--seeds=0"]) == 2
    assert "--seeds=0" in capsys.readouterr().err


@pytest.mark.slow
def test_a_failing_run_is_named(tmp_path, capsys):
    arguments = ["--models=vae", "--data=no_such_set", "--seeds=1", f"--runs={tmp_path}"]
    assert table.main(arguments) == 2
    error = capsys.readouterr().err
    assert "python -m train.run --model=vae" in error
    assert "unknown data set 'no_such_set'" in error
