"""What real images get: found once for a data set, and anew where anything else is measured."""

import dataclasses
import types

import numpy as np
import pytest

from tfgen import evaluation
from tfgen.evaluation import references


class Counted:
    """In the place of a `Comparison`; it keeps how often real images were measured."""

    measured = 0

    def __init__(self, seed=0, **protocol):
        images = np.random.default_rng(seed).integers(0, 256, (20, 4, 4, 1), dtype=np.uint8)
        about = types.SimpleNamespace(levels=256)
        self.splits = evaluation.Splits(about, {"image": images[:15]}, {"image": images[15:]})
        given = dict(data="", size=0, train="", split="", n=5, seed=0, k=1, features="")
        self.protocol = evaluation.Protocol(**given | protocol, features_hash="")

    def floor(self, absent):
        Counted.measured += 1
        absent.because("there are few", "kid")
        return {"frechet": 0.1 + 0.2}

    def floor_errors(self):
        return {"frechet": 0.1}

    def baselines(self):
        return {"memoriser": {"frechet": 1 / 3}}


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.setattr(references, "MANY", 75)
    monkeypatch.setattr(Counted, "measured", 0)
    return lambda **given: references.known_references(Counted(**given), str(tmp_path))


def test_real_images_are_measured_once(found):
    assert found() == found() == found(k=7, nll_n=3)
    assert Counted.measured == 1


def test_other_images_and_protocols_are_measured_anew(found):
    for given in ({}, {"seed": 1}, {"features": "textures"}, {"n": 6}):
        found(**given)
    assert Counted.measured == 4


def test_other_code_measures_anew(found, monkeypatch, tmp_path):
    found()
    for part in ("metrics", "evaluation"):
        (tmp_path / "package" / part).mkdir(parents=True)
    monkeypatch.setattr(references.tfgen, "__file__", str(tmp_path / "package" / "__init__.py"))
    found()
    assert Counted.measured == 2


def test_a_file_that_cannot_be_read_or_written_is_no_obstacle(found, tmp_path):
    whole = found()
    (file,) = (tmp_path / "tfgen_references").iterdir()
    for broken in (b"{", b"[1]", b'{"floor": 1}'):
        file.write_bytes(broken)
        assert found() == whole
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("no folder")
    assert found() == whole


def test_few_images_are_measured_each_time(found, tmp_path):
    assert dataclasses.asdict(found(n=4))["absent"] == {"kid": "there are few"}
    assert not list(tmp_path.iterdir())
