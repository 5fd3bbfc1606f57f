"""What finished runs are used for: explore, anomaly, features, denoise; as commands."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from tests.support import runs
from tests.support.page import Page
from tfgen import data
from tfgen.analysis import pictures


def python(module, *flags):
    return runs.here(module, *flags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Finished runs: a VAE without threes, and a denoiser."""
    root = tmp_path_factory.mktemp("runs")
    changes = {"data.split": "train", "data.validation": "validation"}
    for name, more in (
        ("cvae", {"data.leave_out": "3", "steps": 100, "save_every": 50}),
        ("denoising_autoencoder", {}),
    ):
        done = runs.train(name, root / name, **changes, **more)
        assert done.returncode == 0, done.stderr
    return root


# --- a class left out ----------------------------------------------------------------------------


@pytest.mark.slow
def test_anomaly_compares_with_methods_that_need_no_model(folder, monkeypatch):
    """Some 20 s: two runs for all tests of the file, then p(x | y) of each image and class.

    The run is its own background too: a ratio with itself says nothing.
    """
    monkeypatch.setattr("tfgen.analysis.anomaly.SAMPLES", 2)
    itself = f"--background={folder / 'cvae'}"
    done = python("train.anomaly", f"--workdir={folder / 'cvae'}", itself)
    assert done.returncode == 0, done.stderr
    content = json.loads((folder / "cvae" / "anomaly.json").read_text())
    assert (content["odd"], content["normal"]) == (45, 402)
    found = content["auroc"]
    digits = data.open_source("digits")
    train, test = (data.arrays(digits.load(split)) for split in ("train", "test"))
    normal = train["image"][train["label"] != 3].reshape(-1, 64) / 16
    distances = np.linalg.norm(test["image"].reshape(-1, 1, 64) / 16 - normal, axis=-1)
    expected = roc_auc_score(test["label"] == 3, np.sort(distances, axis=1)[:, 4])
    assert found["5-NN of pixels"] == pytest.approx(expected, abs=1e-6)
    assert expected > 0.6
    assert {"reconstruction error", "-log p(x)", "distance of the code", "PCA of 16"} <= set(found)
    assert all(0 <= v <= 1 for v in found.values())
    own = {"reconstruction error", "-log p(x)", "distance of the code", "5-NN of codes"}
    won = max(found, key=found.get) in own
    assert ("better than all that the model offers" in done.stdout) == (not won)
    rejection = content["rejection"]
    assert rejection["seen classes rejected"] < 0.3
    assert set(rejection) == {
        *("threshold", "unseen class rejected", "seen classes rejected", "accuracy on what is kept")
    }
    assert Image.open(folder / "cvae" / "figures" / "anomaly.png").width > 500

    assert found["likelihood ratio"] == 0.5
    # One with a run of other data is refused.
    other = f"--background={folder / 'denoising_autoencoder'}"
    done = python("train.anomaly", f"--workdir={folder / 'cvae'}", other)
    assert done.returncode == 2
    assert "has no density" in done.stderr
    done = python("train.anomaly", f"--workdir={folder / 'denoising_autoencoder'}")
    assert done.returncode == 2
    assert "--config.data.leave_out=3" in done.stderr
    assert "Traceback" not in done.stderr


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_explore_draws_what_the_codes_allow(folder):
    done = python("train.explore", f"--workdir={folder / 'cvae'}")
    assert done.returncode == 0, done.stderr
    page = Page((folder / "cvae" / "explore.html").read_text())
    names = {p.stem for p in (folder / "cvae" / "figures").glob("explore-*.png")}
    assert names == {
        "explore-" + key
        for key in (
            *("traversals", "interpolation-linear", "interpolation-spherical", "classes"),
            *("arithmetic", "reconstructions"),
        )
    }
    assert page.tags.count("img") == 6


@pytest.mark.slow
def test_features_are_the_codes_and_few_labels_are_drawn_evenly(folder, tmp_path):
    out = tmp_path / "codes.npz"
    workdir = folder / "denoising_autoencoder"
    done = python("train.features", f"--workdir={workdir}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    import tfgen

    model = tfgen.load(workdir).model
    with np.load(out) as found:
        assert found["train"].shape == (1000, 32)
        assert found["test_label"].shape == (447,)
        test = data.arrays(data.open_source("digits").load("test"))
        np.testing.assert_array_equal(found["test_label"], test["label"])
        codes = model.encode(test["image"][:9] / np.float32(16))["mean"]
        np.testing.assert_allclose(found["test"][:9], codes, atol=1e-4)
    for word in ("codes", "pixels", "PCA of 32", "With 10 labels", "With 1000 labels"):
        assert word in done.stdout


# --- a user's images -----------------------------------------------------------------------------


@pytest.mark.slow
def test_denoising_a_folder(folder, tmp_path):
    random = np.random.default_rng(0)
    for i, name in enumerate(("a.png", "b/c.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8 + 8 * i, 12 + 8 * i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    flags = [
        f"--workdir={folder / 'denoising_autoencoder'}",
        f"--images={tmp_path / 'in'}",
        f"--out={tmp_path / 'out'}",
    ]
    done = python("train.denoise", *flags)
    assert done.returncode == 0, done.stderr
    for name in ("a.png", "b/c.png"):
        assert Image.open(tmp_path / "out" / name).size == (8, 8)
    assert (tmp_path / "out" / "comparison.png").exists()
    for word in ("this model", "noisy images", "linear denoiser"):
        assert word in done.stdout

    again = python("train.denoise", *flags)
    assert again.returncode == 2
    assert "not an empty folder" in again.stderr
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "in" / "broken.png").write_text("no image")
    broken = python("train.denoise", *flags)
    assert broken.returncode == 2
    assert "broken.png: cannot identify" in broken.stderr
    assert not (tmp_path / "out").exists()
    other = python("train.denoise", f"--workdir={folder / 'cvae'}", *flags[1:])
    assert other.returncode == 2
    assert "cvae is no denoiser" in other.stderr


def test_no_picture_takes_the_place_of_another():
    given = ["a.jpg", "a.png", "a.gif", "b.jpg", "comparison.jpg", "comparison.png", "c/a.jpg"]
    names = [str(path) for path in pictures.outputs([Path(name) for name in given])]
    assert len(set(names)) == len(names)
    assert "comparison.png" not in names
    assert [names[i] for i in (1, 3, 6)] == ["a.png", "b.png", "c/a.png"]
