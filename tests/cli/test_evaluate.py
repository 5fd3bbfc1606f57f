"""train.evaluate as its users call it: files, page, comparison, and clear errors."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import tfgen
from train import evaluate
from tests.support import runs, small
from tests.support.browser import CHROMIUM, ask
from tests.support.page import Page
from tfgen.errors import UserError
from tfgen.metrics import catalogue
from tfgen.run_dir import RunDir


def make(model, workdir):
    config = runs.config(model, eval_every=20, data__split="train", data__validation="validation")
    runs.go(model, config, workdir)
    assert evaluate.main([f"--workdir={workdir}", "--n=120", "--k=5"]) == 0
    return RunDir(workdir)


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    return make("vae", tmp_path_factory.mktemp("evaluated") / "vae")


@pytest.fixture(scope="module")
def implicit(tmp_path_factory):
    """Of a model without a likelihood and without codes."""
    return make(small.FILE, tmp_path_factory.mktemp("evaluated") / "implicit")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow) for name in ("vae", "implicit")])
def evaluated(request):
    return request.getfixturevalue(request.param)


def copy(run, tmp_path):
    target = tmp_path / "copy"
    shutil.copytree(run.path, target)
    return RunDir(target)


def test_metrics_json_holds_what_the_issue_of_trust_needs(evaluated):
    content = evaluated.read_json(evaluated.metrics)
    assert content["protocol"]["n"] == 120
    assert content["protocol"]["split"] == "test"
    assert len(content["protocol"]["features_hash"]) == 64
    assert content["features"]["accuracy"]["label"] > 0.9
    assert set(content["baselines"]) >= {
        "memoriser", "independent pixels", "class pixels", "Gaussian", "mixture",
    }  # fmt: skip
    assert {"tensorflow", "keras", "numpy"} <= set(content["versions"])
    assert content["model"]["training"]["steps"] == 60
    for found in (content["results"], content["floor"], *content["baselines"].values()):
        assert set(found) <= {*catalogue.METRICS, "nll_kind", "n"}
    assert "NaN" not in evaluated.metrics.read_text()
    assert evaluated.classifier.exists()  # for exports where the images are gone


@pytest.mark.slow
def test_the_same_command_gives_the_same_numbers(vae, capsys):
    """Of samples, of a likelihood by draws, of codes."""
    before = vae.metrics.read_text()
    assert evaluate.main([f"--workdir={vae.path}", "--n=120", "--k=5"]) == 0
    assert vae.metrics.read_text() == before
    out = capsys.readouterr().out
    assert re.search(r"^FDC +\d+\.\d\d", out, re.M)
    assert re.search(r"^100 % +done", out, re.M)


def test_the_report_is_one_file(evaluated):
    page = Page(evaluated.report.read_text())
    assert page.loads
    assert all(load.startswith("data:") for load in page.loads)
    assert "script" not in page.tags
    for title in ("Samples", "Nearest training images", "Numbers", "Diagnosis", "Validation"):
        assert title in page.text
    content = evaluated.read_json(evaluated.metrics)
    for key, value in content["results"].items():
        if key in catalogue.METRICS and value is not None:
            assert catalogue.text(key, value) in page.text, key
    assert ("Reconstructions" in page.text) == (content["model"]["name"] == "vae")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (.ci/run installs it)")
def test_the_report_in_a_browser(evaluated, tmp_path):
    """Every picture and drawing has a size, nothing is wider than the window, text is legible."""
    check = """
        const images = [...document.images];
        await Promise.all(images.map(i => i.decode()));
        const drawn = [...document.querySelectorAll("svg")];
        const written = [...document.querySelectorAll("body *:not(title)")].filter(
            e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
        const scale = e => e ? e.getBoundingClientRect().width / e.viewBox.baseVal.width : 1;
        const letters = written.map(
            e => parseFloat(getComputedStyle(e).fontSize) * scale(e.closest("svg")));
        return {
            images: images.map(i => i.naturalWidth), shown: images.map(i => i.clientWidth),
            drawings: drawn.map(s => s.getBoundingClientRect().height),
            smallest: Math.min(...letters),
            overflow: document.documentElement.scrollWidth - window.innerWidth,
            heads: [...document.querySelectorAll("h2")].map(h => h.textContent),
        };"""
    for width in (1200, 420):
        found = ask(evaluated.report, check, tmp_path / str(width), width)
        assert min(found["images"]) > 100
        assert min(found["shown"]) > 100
        assert min(found["drawings"]) > 10
        assert found["smallest"] >= 12  # pixels
        assert found["overflow"] <= 0
        assert "Samples" in found["heads"]


def test_runs_are_compared_side_by_side_or_not_at_all(vae, tmp_path, capsys):
    other = copy(vae, tmp_path)
    assert evaluate.main([f"--compare={vae.path},{other.path}"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^coverage +(\d\.\d+) +\1$", out, re.M)
    assert re.search(
        rf"^{other.path} is not distinguishable from {vae.path} by: NLL, .*FDC", out, re.M
    )
    commas = RunDir(shutil.copytree(other.path, tmp_path / "a,b"))
    assert evaluate.main([f"--compare={vae.path}", f"--compare={commas.path}"]) == 0
    assert re.search(r"^coverage +(\d\.\d+) +\1$", capsys.readouterr().out, re.M)
    content = other.read_json(other.metrics)
    content["results"]["nll"] += 5 * content["results"]["nll_error"]
    other.metrics.write_text(json.dumps(content))
    assert evaluate.main([f"--compare={vae.path},{other.path}"]) == 0
    assert f"{other.path} differs from {vae.path} in: NLL\n" in capsys.readouterr().out
    content["protocol"]["n"] = 447
    other.metrics.write_text(json.dumps(content))
    assert evaluate.main([f"--compare={vae.path},{other.path}"]) == 2
    assert f"n: 120 in {vae.path}, 447 in {other.path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--n=-1"], "--n=-1: the number of samples is positive"),
        (["--k=0"], "--k=0: a bound takes at least 1"),
        (["--split=tset"], "split 'tset' is not in digits, which has"),
        (["--split=train"], "shares images with 'train'"),
        (["--features=clasifier"], "Did you mean 'classifier'"),
        (["--features=inception"], "--features=inception and --inception=PATH go together"),
        (["--inception=x.pb"], "--features=inception and --inception=PATH go together"),
        (["--images=./x"], "or --images=DIR and --against=DIR"),
        (
            ["--features=inception", "--inception=no.pb", "--inception_sha256=00"],
            "there is no file no.pb",
        ),
    ],
)
def test_flags_that_cannot_be_meant(vae, flags, words, capsys):
    before = vae.metrics.read_text()
    assert evaluate.main([f"--workdir={vae.path}", *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error
    assert vae.metrics.read_text() == before


def test_the_page_of_copies_shows_the_nearest_pairs(evaluated):
    page = Page(evaluated.copies.read_text())
    content = evaluated.read_json(evaluated.metrics)
    pairs = content["details"]["pairs"]
    assert len(page.loads) == 4 + 1  # and an empty icon
    assert len(pairs["samples"]) == 48
    assert (np.diff(pairs["distances"]) >= 0).all()
    assert f"the share {content['results']['copies']:.3f} does" in page.text
    assert str(1_000_000 + pairs["samples"][0]) in page.text


def test_a_file_from_before_the_distance_had_its_name_is_read(vae, tmp_path):
    run = copy(vae, tmp_path)
    content = json.loads(run.metrics.read_text())
    content["features"]["distance"] = "FCD"
    for key in ("errors", "floor_errors", "samples_are", "draws"):
        del content[key]
    del content["details"]["pairs"]
    run.metrics.write_text(json.dumps(content))
    assert run.read_json(run.metrics)["features"]["distance"] == "FDC"
    assert evaluate.main([f"--compare={run.path},{run.path}"]) == 0


def test_two_sets_of_pictures_are_measured(tmp_path, capsys):
    """Folders, whose names need no dot; a named split; and the same from Python."""
    images, _ = load_digits(return_X_y=True)
    for name, rows in (("a", images[:60]), ("b", images[60:120])):
        (tmp_path / name).mkdir()
        for i, row in enumerate(rows):
            pixels = Image.fromarray((row.reshape(8, 8) * 15).astype(np.uint8))
            pixels.save(tmp_path / name / f"{i:03}.png")
    assert evaluate.main([f"--images={tmp_path}/a", f"--against={tmp_path}/b"]) == 0
    out = capsys.readouterr().out
    assert f"60 of {tmp_path}/a against 60 of {tmp_path}/b: textures features" in out
    assert re.search(r"^FTD +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$", out, re.M)
    read = [
        np.array(images[s], np.uint8).reshape(-1, 8, 8, 1) * 15
        for s in (slice(0, 60), slice(60, 120))
    ]
    found = tfgen.evaluate(*read)
    assert f"{found['results']['frechet']:.2f}" in out
    assert found["protocol"]["of_against"] == 60
    assert evaluate.main([f"--images={tmp_path}/a", "--against=digits:test", "--n=50"]) == 0
    assert evaluate.main([f"--images={tmp_path}/a", f"--against={tmp_path}/b", "--n=61"]) == 2
    assert f"--n=61: {tmp_path}/a has 60 images" in capsys.readouterr().err


def test_an_unfinished_run_is_refused(vae, tmp_path, capsys):
    run = copy(vae, tmp_path)
    run.card.unlink()
    assert evaluate.main([f"--workdir={run.path}"]) == 2
    assert "is not complete" in capsys.readouterr().err
    run.model.unlink()
    assert evaluate.main([f"--workdir={run.path}"]) == 2
    assert "is not finished: it has no model.keras yet" in capsys.readouterr().err


def test_an_empty_folder_and_none(tmp_path, capsys):
    assert evaluate.main([f"--workdir={tmp_path}"]) == 2
    assert "is not a run directory" in capsys.readouterr().err
    assert evaluate.main([]) == 2
    assert "give --workdir=DIR" in capsys.readouterr().err


def test_results_go_into_a_folder_and_no_file(tmp_path, capsys):
    (tmp_path / "mine").write_text("mine")
    assert evaluate.main([f"--workdir={tmp_path}", f"--out={tmp_path}/mine"]) == 2
    assert f"--out={tmp_path}/mine is a file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_full_disk_leaves_what_was_there(vae, tmp_path, capsys, monkeypatch):
    run = copy(vae, tmp_path)
    before = run.metrics.read_text(), run.report.read_text()

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("tfgen.files.write_text", full)
    assert evaluate.main([f"--workdir={run.path}", "--n=100", "--k=2"]) == 1
    said = capsys.readouterr()
    assert "No space left on device" in said.err
    assert "negative ELBO" in said.out  # what was measured is told all the same
    assert (run.metrics.read_text(), run.report.read_text()) == before


def test_what_is_broken_is_said_before_minutes_of_measuring(vae, tmp_path, capsys, monkeypatch):
    run = copy(vae, tmp_path)
    run.training.write_text("{")
    monkeypatch.setattr("tfgen.evaluation.evaluate", None)  # not come to
    assert evaluate.main([f"--workdir={run.path}"]) == 2
    assert f"{run.training} is broken" in capsys.readouterr().err


def test_a_broken_metrics_file_is_named(vae, tmp_path, capsys):
    run = copy(vae, tmp_path)
    whole = run.metrics.read_text()
    for broken in (whole[:100], "[]", ""):
        run.metrics.write_text(broken)
        assert evaluate.main([f"--compare={run.path},{vae.path}"]) == 2
        error = capsys.readouterr().err
        assert f"{run.metrics} is broken" in error
        assert f"train.evaluate with --workdir={run.path} writes it anew" in error
    run.metrics.unlink()
    with pytest.raises(UserError, match=r"metrics\.json is not there; train\.evaluate"):
        run.read_json(run.metrics)


@pytest.mark.slow
def test_the_command_prints_nothing_but_its_own_lines(vae, tmp_path):
    """In a process of its own: no greetings of TensorFlow, no traceback, status 2."""
    command = [sys.executable, "-m", "train.evaluate", f"--workdir={tmp_path}"]
    done = runs.run(command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
