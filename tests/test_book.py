"""The book: its map, its commands and its notebooks. That its pages build is CI's to see."""

import json
import re

import pytest

from tests.conftest import ROOT
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
