"""Imports run one way and in no circle; what loads when; the library names no flag."""

import ast
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

OURS = {"tfgen", "configs", "train", "export", "tests", "benchmarks"}
ALLOWED = {
    "tfgen": {"tfgen"},
    "configs": {"tfgen"},
    "train": {"train", "tfgen"},
    "export": {"export", "tfgen"},
}
# The floors of tfgen, from the ground up: a room imports from those below it. A room is a folder,
# or a file at the top.
FLOORS = (
    "errors parts",
    "addresses",
    "registration progress by_class random files reading seeds sizes replicas startup compiling",
    "engine stores",
    "precision training_state declared images latents networks run_dir metrics objectives rules",
    "shards checksums",
    "settings data layers presets",
    "accumulation arguments averages fit",
    "model",
    "autoregression captioned diffusion game evaluation command",
    "models reports",
    "analysis exporting",
    "run",
    "training packing",
)


def imported(path):
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(path):
    return {name.split(".")[0] for name in imported(path)}


def room(parts):
    """The room of a module of tfgen, or "" for the front door itself."""
    return parts[0].removesuffix(".py") if parts else ""


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_run_one_way(folder):
    for path in (ROOT / folder).rglob("*.py"):
        wrong = top(path) & OURS - ALLOWED[folder]
        assert not wrong, f"{path} imports {wrong}"


def test_config_files_import_settings_and_rules_alone():
    for path in (ROOT / "configs").glob("*.py"):
        ours = {name for name in imported(path) if name.split(".")[0] in OURS}
        assert ours <= {"tfgen", "tfgen.settings", "tfgen.rules", "tfgen.errors"}, (
            f"{path} imports {ours}"
        )


def test_rooms_of_the_library_stand_on_floors():
    floor = {name: i for i, names in enumerate(FLOORS) for name in names.split()}
    wrong = []
    for path in (ROOT / "tfgen").rglob("*.py"):
        here = room(path.relative_to(ROOT / "tfgen").parts)
        if here == "__init__":
            continue  # the front door opens every room, when it is used
        for name in imported(path):
            there = room(name.split(".")[1:]) if name.startswith("tfgen.") else ""
            if there in floor and there != here and floor[there] >= floor[here]:
                wrong.append(f"{path.relative_to(ROOT)}: {here} imports {there}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_no_module_of_the_library_is_part_of_a_circle():
    """Imports within functions too: a circle is no better for being closed later."""
    modules = {}
    for path in (ROOT / "tfgen").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    edges = {
        name: {other for other in imported(path) if other in modules and other != name}
        for name, path in modules.items()
        if name != "tfgen"
    }
    done, way = set(), []

    def visit(name):
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name in done or name == "tfgen":
            return
        way.append(name)
        for other in sorted(edges[name]):
            visit(other)
        way.pop()
        done.add(name)

    for name in edges:
        visit(name)


def test_the_library_prints_nothing_and_knows_no_flags():
    for path in (ROOT / "tfgen").rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = {
            n.func.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        # A progress bar is shown to whoever trains, from Python or a command.
        assert "print" not in calls or path.name == "progress.py", path
        assert not {"absl", "argparse"} & top(path), path
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                flag = re.search(r"(?<![\w(-])--[a-z_]{2,}\b(?!:)", node.value)
                # Style sheets have variables, npm has flags of its own.
                ours = id(node) in documentation or path.name in (
                    "page.py",
                    "report.py",
                    "demo.py",
                    "provenance.py",
                )
                assert ours or not flag, f"{path}: {flag[0]}"


@pytest.mark.parametrize("folder", ["train", "export"])
def test_commands_are_thin(folder):
    for path in (ROOT / folder).glob("*.py"):
        assert len(path.read_text().splitlines()) <= 80, path


POSIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
WITHOUT_THEM = f"""
import os, signal, sys
# These look at sys.platform, which says Linux.
import asyncio, multiprocessing, platform, shutil, subprocess, tempfile
for name in {sorted(POSIX_ALONE)}:
    sys.modules[name] = None
del signal.SIGHUP, signal.SIGPIPE, os.getuid, os.sched_getaffinity
import tfgen.engine, tfgen.training.claim, tfgen.training.log
import export.sample, train.run
assert tfgen.startup.cores() > 0
sys.exit(train.run.main(["--list"]))
"""


def test_nothing_that_windows_lacks_is_wanted_at_the_top():
    for folder in ALLOWED:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                names = [alias.name for alias in getattr(node, "names", [])]
                assert not {*names, getattr(node, "module", "")} & POSIX_ALONE, path
    command = [sys.executable, "-c", WITHOUT_THEM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "dcgan" in done.stdout


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
