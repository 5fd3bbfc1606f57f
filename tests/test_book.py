"""The book: its map, its commands and its notebooks. That its pages build is CI's to see."""

import contextlib
import functools
import json
import re
import sys
import types

import pytest

import tfgen
from tests.conftest import ROOT
from tests.support import fenced, runs
from tfgen import settings

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def test_each_model_has_its_place_in_a_lecture():
    text = (DOCS / "book" / "lectures.md").read_text()
    assert set(re.findall(r"\(\.\./models/(\w+)\.md\)", text)) == set(settings.names())


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_there(page):
    for module in re.findall(r"python -m ((?:train|export|benchmarks)\.\w+)", page.read_text()):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_models_of_a_page_are_there(page):
    text = page.read_text()
    assert set(re.findall(r"--model=(\w+)", text)) <= set(settings.names())


def cells(path):
    return json.loads(path.read_text())["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    assert not [cell for cell in cells(path) if cell.get("outputs") or cell.get("execution_count")]


def execute(path, folder, monkeypatch, steps=""):
    """Runs the cells of a notebook in a folder, in training for so many steps."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {}
    for cell in cells(path):
        if cell["cell_type"] == "code":
            code = "".join(cell["source"])
            if steps:
                code = code.replace("steps=1000", f"steps={steps}")
            exec(compile(code, path.name, "exec"), names)


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_the_notebook_that_ships_a_run_runs(tmp_path, monkeypatch):
    """In fewer steps: what it asserts holds of any weights."""
    execute(DOCS / "notebooks" / "ship_it.ipynb", tmp_path, monkeypatch, steps="100")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    execute(path, tmp_path, monkeypatch)


class Tracker(types.ModuleType):
    """A stand-in of a tracker's package: it remembers what it was told."""

    def __init__(self, name):
        super().__init__(name)
        self.told = []

    def __getattr__(self, name):
        def call(*arguments, **named):
            self.told.append((name, arguments, named))
            return contextlib.nullcontext()

        return call


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "logs"), [("tensorboard", ""), ("wandb", "log"), ("mlflow", "log_metrics")]
)
def test_a_tracker_is_told_of_steps(name, logs, tmp_path, monkeypatch):
    """The example of the page, with every tenth of 20 steps for every hundredth."""
    tracker = Tracker(name)
    if logs:
        monkeypatch.setitem(sys.modules, name, tracker)
    monkeypatch.chdir(tmp_path)
    small = runs.tiny("vae", steps=20, save_every=20, log_every=10)
    train = functools.partial(tfgen.train, settings=small, verbose=False)
    monkeypatch.setattr(tfgen, "train", train)
    code = fenced.file((DOCS / "how_to" / "trackers.md").read_text(), name)
    exec(code.replace("every=100", "every=10"), {"tfgen": tfgen})
    if not logs:
        assert list((tmp_path / "tb" / "norms").glob("events*"))
        return
    told = [(arguments[0], named) for what, arguments, named in tracker.told if what == logs]
    steps = [named["step"] for _, named in told if "step" in named]
    assert steps == [10, 20]
    assert set(told[0][0]) >= {"loss"}
    assert all(isinstance(value, float) for value in told[0][0].values())
