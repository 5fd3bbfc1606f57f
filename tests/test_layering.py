"""Imports run one way: configs -> tfgen.settings, train and export -> tfgen; what loads when."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ALLOWED = {
    "tfgen": {"tfgen"},
    "configs": {"configs", "tfgen"},
    "train": {"train", "configs", "tfgen"},
    "export": {"export", "tfgen"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_run_one_way(room):
    ours = {"tfgen", "configs", "train", "export", "tests", "benchmarks"}
    for path in (ROOT / room).rglob("*.py"):
        wrong = set(imports(path)) & ours - ALLOWED[room]
        assert not wrong, f"{path} imports {wrong}"


def test_the_library_prints_nothing_and_knows_no_flags():
    for path in (ROOT / "tfgen").rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = {
            n.func.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert "print" not in calls, path
        assert not {"absl", "argparse"} & set(imports(path)), path


@pytest.mark.parametrize(
    "module",
    [
        *("train.run", "train.evaluate", "train.denoise", "train.translate", "benchmarks.table"),
        *("tfgen", "tfgen.settings", "export.sample"),
    ],
)
def test_what_must_answer_at_once_does_not_load_tensorflow(module):
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
