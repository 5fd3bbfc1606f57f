"""What travels in the package: presets that load, draw what they drew, are worth their cards."""

import json
import re
import shutil
import zipfile

import numpy as np
import pytest

import tfgen
from tfgen import checksums, presets, settings
from tfgen.compiling import compiled
from tfgen.data.source import EMBEDDED
from tfgen.errors import UserError
from tfgen.evaluation.protocol import VERSION, Protocol, Splits
from tfgen.evaluation.samples import Comparison, draw
from tfgen.exporting import check, sources
from tfgen.metrics import catalogue, features

NAMES = presets.names()
FIRST = "dcgan/digits"


def test_together_they_are_small():
    assert len(NAMES) >= 2
    held = [file for file in presets.FOLDER.rglob("*/*/*") if file.is_file()]
    assert {file.name for file in held} <= set(presets.FILES)
    assert sum(file.stat().st_size for file in held) < 25e6


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_says_what_it_is(name):
    folder = presets.FOLDER / name
    card = (folder / "card.md").read_text("utf-8")
    content = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert "| licence of the data |" in card
    assert re.search(r"`python -m train\.run --model=\w+", card)
    model, _, data = name.partition("/")
    own = settings.find(model).data.name
    assert data == own or f"--config.data.name={data}" in card
    for key, metric in catalogue.METRICS.items():
        value = content["results"].get(key)
        if value is not None and key != "frechet":
            assert f"| {metric.title} | {catalogue.text(key, value)} |" in card
    # It is of these weights, and says no path of a machine.
    assert content["model"]["sha256"] == checksums.of(folder, ["model.keras"])["model.keras"]
    for file in folder.glob("*.json"):
        assert not re.search(r'"(/|~)', file.read_text("utf-8")), file


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_preset_draws_what_it_drew(name):
    seeds = check.check(sources.open_source(f"zoo:{name}"), presets.FOLDER / name / "golden.json")
    assert all(seed.right for seed in seeds), seeds


# Data that are not embedded are not everywhere.
MEASURED = [
    pytest.param(name, marks=() if name.partition("/")[2] in EMBEDDED else pytest.mark.long)
    for name in NAMES
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_a_preset_is_worth_what_its_card_says(name):
    """Its samples, all that the card is of; their number decides, so fewer would be another.

    Floors and baselines, a minute of a whole evaluation, are the data's and not the preset's.
    """
    run = tfgen.load(f"zoo:{name}")
    content = json.loads((presets.FOLDER / name / "metrics.json").read_text("utf-8"))
    written, protocol = content["results"], Protocol(**content["protocol"])
    splits = Splits.load(run.source, run.training.split, run.test, run.model)
    network = features.choose("auto", splits.train, splits.held_out, splits.about.levels)
    assert (splits.about.split, run.test) == (protocol.train, protocol.split)
    assert (network.digest, VERSION) == (protocol.features_hash, protocol.version)
    images, _ = draw(compiled(run.model.sample), run.model, splits, protocol.n, protocol.seed)
    found = Comparison(splits, protocol, network).measure(images)
    for key, spread in {"frechet": 0.1, "precision": 0.02, "recall": 0.02, "score": 0.1}.items():
        assert found[key] == pytest.approx(written[key], abs=spread), key
    # A slice of the likelihood, where it is no matter of draws.
    if run.model.likelihood_kind == "exact" and written.get("nll"):
        nll = -run.model.log_prob(splits.unit(splits.held_out["image"][:64])).numpy().mean()
        assert nll == pytest.approx(written["nll"], rel=0.1)


def test_a_name_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tfgen.load(FIRST)
    assert run.path == presets.FOLDER / FIRST
    # The package is not written into.
    assert str(run.outputs.path) == "runs/zoo-dcgan-digits"
    assert not list(tmp_path.iterdir())
    # A folder of this name is meant before a preset is.
    shutil.copytree(presets.FOLDER / FIRST, tmp_path / FIRST)
    assert str(presets.locate(FIRST).path) == FIRST


def test_a_wrong_name_lists_the_right_ones():
    for wrong in ("zoo:dcgan/digit", "dcgan/digit"):
        with pytest.raises(
            UserError, match=r"Did you mean 'dcgan/digits'\? There are: .*vae/digits"
        ):
            tfgen.load(wrong)
    with pytest.raises(UserError, match=r"unknown preset 'nothing'\. There are: "):
        tfgen.load("zoo:nothing")
    with pytest.raises(UserError, match="not a run directory"):
        tfgen.load("elsewhere/entirely")


def test_damage_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    shutil.copytree(presets.Path(presets.__file__).parent / FIRST, tmp_path / FIRST)
    assert presets.locate(f"zoo:{FIRST}").path == tmp_path / FIRST
    with open(tmp_path / FIRST / "codes.npz", "wb") as file:
        file.write(b"added")
    with pytest.raises(UserError, match=r"codes\.npz is not the file"):
        tfgen.load(f"zoo:{FIRST}")


def test_a_zip_is_taken_by_its_digest(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (presets.FOLDER / FIRST).iterdir():
            archive.write(file, file.name)
        archive.writestr("../outside.py", "")
        archive.writestr("more.py", "")
    digest = checksums.of(tmp_path, ["mine.zip"])["mine.zip"]
    run = tfgen.load(path, sha256=digest)
    assert np.array_equal(run.sample(range(2)), tfgen.load(f"zoo:{FIRST}").sample(range(2)))
    assert {file.name for file in run.path.iterdir()} <= set(presets.FILES)
    with pytest.raises(UserError, match=f"has the SHA-256 {digest}"):
        tfgen.load(path, sha256="0" * 64)
    with pytest.raises(UserError, match=r"is of a \.zip"):
        tfgen.load(tmp_path, sha256=digest)
    path.write_bytes(b"PK")
    with pytest.raises(UserError, match="cannot be read as a zip"):
        tfgen.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "")
    with pytest.raises(UserError, match="no packed run"):
        tfgen.load(path)


def test_a_preset_is_not_trained_on(tmp_path):
    for wrong in ({"workdir": f"zoo:{FIRST}"}, {"init": f"zoo:{FIRST}", "workdir": tmp_path}):
        with pytest.raises(UserError, match="is a preset, which has the weights of samples"):
            tfgen.train("dcgan", "digits", steps=10, settings={"log_every": 10}, **wrong)
