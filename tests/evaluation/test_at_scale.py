"""Sums over shards against the one process that sees all images at once."""

import functools

import numpy as np
import PIL.Image
import pytest

import tfgen
from tests.support import batches, runs
from tfgen.errors import UserError
from tfgen.evaluation import at_scale, pictures, sets
from tfgen.metrics import distances

REAL = "digits:validation+test"


def test_pictures_that_differ_in_size_are_brought_to_one_by_an_argument(tmp_path):
    for i, size in enumerate((16, 24)):
        PIL.Image.new("RGB", (size, size)).save(tmp_path / f"{i}.png")
    with pytest.raises(UserError, match=r"differ in size.*Set `size`, e\.g\. `size=64`"):
        pictures.read(tmp_path, "", "images")
    assert pictures.read(tmp_path, "12", "images").images.shape == (2, 12, 12, 3)


@pytest.fixture(scope="module")
def samples():
    """1,300 digits in another contrast, with noise: float32 [N, 8, 8, 1]."""
    real = pictures.read("digits:train+validation", "", "against").unit[:1300]
    noise = np.random.default_rng(1).normal(0, 0.1, real.shape)
    return np.clip(0.9 * real + noise, 0, 1).astype(np.float32)


@pytest.fixture
def in_this_process(monkeypatch):
    """Workers do their parts here, one after another, in the opposite order."""

    def merged(numbers, opener, merge, *where):
        look = opener()
        return merge([merge([look(number)]) for number in reversed(numbers)])

    monkeypatch.setattr(at_scale.engine, "merged", merged)
    monkeypatch.setattr(at_scale.engine, "check_installed", lambda: None)


def test_sums_over_shards_give_the_numbers_of_one_process(samples, in_this_process, tmp_path):
    folder = batches.holding(samples, tmp_path / "out", "png")
    found = tfgen.evaluate(folder.path, REAL, workers=1)
    given, real = (pictures.read(x, "", "x") for x in (folder.path, REAL))
    network = sets.network_of(real, "auto", ("", ""))
    a, b = (network.features(part.unit) for part in (real, given))
    one, other = (a[rows] for rows in sets.halves(len(a)))
    for name, pair in (("results", (a, b)), ("floor", (one, other))):
        expected = {"frechet": distances.frechet(*pair), "kid": distances.unbiased_mmd(*pair)}
        assert {key: found[name][key] for key in expected} == pytest.approx(
            expected, rel=1e-9, abs=1e-9
        )
    assert found["floor"]["n"] == len(one)
    assert found["protocol"]["features_hash"] == network.digest
    assert (found["protocol"]["of"], found["protocol"]["of_against"]) == (1300, 797)
    flags = [f"--images={folder.path}", f"--against={REAL}", "--workers=1"]
    done = runs.here("train.evaluate", *flags)
    assert done.returncode == 0, done.stderr
    assert f"{found['results']['frechet']:.2f}" in done.stdout


def test_what_cannot_be_measured_by_workers_is_refused(samples, in_this_process, tmp_path):
    folder = batches.holding(samples[:10], tmp_path / "out")
    with pytest.raises(UserError, match="`n=5`: workers measure all samples"):
        tfgen.evaluate(folder.path, REAL, workers=1, n=5)
    other = np.random.default_rng(0).random((9, 16, 16, 1))
    with pytest.raises(UserError, match=r"images of \(8, 8, 1\) in .*\(16, 16, 1\) in an array"):
        tfgen.evaluate(folder.path, other, workers=1)
    with pytest.raises(UserError, match=r"manifest\.json is not there"):
        tfgen.evaluate(tmp_path, REAL, workers=1)
    few = tfgen.evaluate(folder.path, REAL, workers=1)
    assert few["not_measured"]["frechet"].endswith("at least 65 images, got 10")
    assert "kid" in few["results"]


def test_parts_are_all_images_once(tmp_path):
    images = np.zeros((2100, 8, 8, 1), np.float32)
    folder = batches.holding(images, tmp_path / "out", "tfrecord")
    against = functools.partial(pictures.read, REAL, "", "against")
    look = at_scale.opened(str(folder.path), against, "auto", ("", ""))
    part = at_scale.merged(look(number) for number in range(look.parts))
    counts = {name: found.count for name, found in part.of.items()}
    assert counts == {"samples": 2100, "one": 398, "other": 399}
    with pytest.raises(IndexError):
        look(look.parts)
