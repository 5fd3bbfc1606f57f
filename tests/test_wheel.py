"""What `pip install` gives: a wheel, in an environment of its own, trains in an empty folder."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile

import pytest

from tests.conftest import ROOT

SCRIPT = """
import pathlib, tfgen
assert str(pathlib.Path(tfgen.__file__)).startswith({site!r}), tfgen.__file__
changes = {{"eval_every": 10, "log_every": 10, "save_every": 20, "model.width": 4}}
run = tfgen.train("vae", "digits", steps=20, workdir="w", settings=changes)
assert run.evaluate(n=50, k=2)["results"]["nll"] > 0
assert "float32" in run.export("tflite", precisions=["float32"])
assert tfgen.load("w").sample(range(4)).shape == (4, 8, 8, 1)
"""


def run(arguments, **kwargs):
    done = subprocess.run(arguments, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stderr
    return done


def held_by(wheel):
    """The paths in a wheel, but for those about it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.mark.slow
def test_a_wheel_trains_measures_exports_and_samples(tmp_path):
    """Some 40 s: it is built, installed without a checkout in reach, and used once for all."""
    source, place, empty = tmp_path / "source", tmp_path / "venv", tmp_path / "empty"
    for folder in ("tfgen", "configs"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pyc*"))
    for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, source)
    wanted = {path.relative_to(source) for path in source.glob("*/**/*") if path.is_file()}
    wanted = {str("tfgen" / path).replace("tfgen/tfgen/", "tfgen/") for path in wanted}
    pip = [sys.executable, "-m", "pip"]
    run([*pip, "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(source)])
    (wheel,) = tmp_path.glob("tfgen-*.whl")
    assert held_by(wheel) == wanted
    venv.create(place, symlinks=True)
    python = str(place / "bin" / "python")
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    site = site.stdout.strip()
    run([*pip, "install", "-q", "--no-deps", f"--target={site}", str(wheel)])
    # The packages of this environment, without what is installed in it from a checkout.
    with open(os.path.join(site, "others.pth"), "w") as file:
        file.write(sysconfig.get_path("purelib") + "\n")
    empty.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run([python, "-c", SCRIPT.format(site=site)], cwd=empty, env=environment)


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_the_lowest_python_is_one_everywhere(setup):
    """`.ci/versions` tries those of the classifiers."""
    named = re.findall(r":: Python :: (3\.\d+)$", setup["metadata"]["classifiers"], re.M)
    lowest = min(named, key=lambda name: int(name[2:]))
    assert setup["options"]["python_requires"] == f">={lowest}"
    assert setup["mypy"]["python_version"] == lowest
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert ruff["target-version"] == f"py{lowest.replace('.', '')}"


def test_setup_cfg_lists_every_package(setup):
    """An explicit list: the config files, which are no package, are one of them."""
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tfgen").rglob("__init__.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"tfgen.configs"}
    assert set(setup["options"]["packages"].split()) == packages
