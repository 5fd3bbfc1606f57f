"""A run belongs to one process."""

import sys

import pytest

from tests.support import runs
from tfgen import settings
from tfgen.errors import UserError
from tfgen.run_dir import RunDir
from tfgen.training import claim


def test_two_processes_do_not_share_a_run(tmp_path):
    run = RunDir(tmp_path / "run")
    with claim.locked(run), pytest.raises(UserError, match=r"another process"):
        runs.go("vae", runs.config("vae"), run.path)


def test_a_system_that_cannot_lock_is_refused_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    refused = pytest.raises(UserError, match="on Windows train in WSL 2")
    with refused, claim.locked(RunDir(tmp_path / "run")):
        pass
    assert not list(tmp_path.iterdir())


def test_what_a_model_no_longer_has_is_no_difference(tmp_path):
    """An old run of `text_to_image` names settings that did nothing; others it may not."""
    run, config = RunDir(tmp_path / "run"), settings.find("text_to_image")
    run.path.mkdir()
    old = config.to_dict()
    old["model"]["critic_steps"] = 1
    run.write_config("text_to_image", old)
    assert claim.recorded_steps(run, "text_to_image", config) == config.steps
    old["model"]["strange"] = 1
    run.write_config("text_to_image", old)
    with pytest.raises(UserError, match=r"model.strange: 1 there, 'not set' now"):
        claim.recorded_steps(run, "text_to_image", config)


def test_what_an_older_run_does_not_name_has_its_default(tmp_path):
    run, config = RunDir(tmp_path / "run"), settings.find("vae")
    run.path.mkdir()
    old = config.to_dict()
    kept = ("learning_rate", "beta_1", "beta_2", "decay")
    old["optimizers"]["vae"] = {key: config.optimizers.vae[key] for key in kept}
    run.write_config("vae", old)
    assert claim.recorded_steps(run, "vae", config) == config.steps
    config.optimizers.vae.clip = 1.0
    with pytest.raises(UserError, match=r"optimizers.vae.clip: 0.0 there, 1.0 now"):
        claim.recorded_steps(run, "vae", config)


def test_a_run_keeps_what_followed_from_its_data_where_nothing_else_is_given(tmp_path):
    run, config = RunDir(tmp_path / "run"), settings.find("vae")
    run.path.mkdir()
    config.update_from_flattened_dict({"model.depth": 4, "batch_size": 25})
    run.write_config("vae", config.to_dict(), ["model.depth", "batch_size"])
    again = settings.find("vae")
    claim.keep_derived(run, again, {"seed"})
    assert claim.recorded_steps(run, "vae", again) == config.steps
    assert again.to_dict() == config.to_dict()
    other = settings.find("vae")
    claim.keep_derived(run, other, {"batch_size"})
    with pytest.raises(UserError, match=r"batch_size: 25 there, 100 now"):
        claim.recorded_steps(run, "vae", other)
