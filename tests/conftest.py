"""Settings of the whole suite: quiet TensorFlow, data prepared once in a folder of the session."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# As the commands set it, whose results are compared with those of this process.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Threads of NumPy and scikit-learn wait for each other by turning round, which takes the cores from
# the other worker: with one each, some tests take a quarter of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Set before TFDS is imported, and inherited by the commands that tests run and by the workers.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["TFDS_DATA_DIR"] = tempfile.mkdtemp(prefix="tfgen-test-data-")

import collections
import fcntl
import functools
import gc
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import zoo

ROOT = Path(__file__).parent.parent

# Files whose tests belong to a row of the zoo, where their parameter is one.
OF_ROWS = (
    *("test_zoo.py", "test_replicas.py", "test_autoregression.py"),
    *("exporting/test_tflite.py", "exporting/test_saved_model.py", "exporting/test_demo.py"),
    *("evaluation/test_evaluation.py", "training/test_compilation.py"),
)

# The groups that take longest, the longest first, as measured; those of rows come after them.
LONGEST = (
    *("models/test_progan.py", "test_front.py", "test_precision.py", "models/test_gan_family.py"),
    *("models/test_text_to_image.py", "models/test_flows.py", "training/test_loop.py"),
    *("training/test_validation.py", "training/test_kill.py", "training/test_lifecycle.py"),
    "training/test_hosts.py",
    *("cli/test_evaluate.py", "cli/test_commands.py", "data/test_source.py", "test_fit.py"),
    *("test_wheel.py", "cli/test_translate.py", "objectives/test_penalties.py"),
    "analysis/test_applications.py",
)


@functools.cache
def group(nodeid):
    """What runs on in one process: all tests of a row, whatever their file; of the rest, a file."""
    file, _, parameter = nodeid.partition("[")
    name = file.partition("::")[0].removeprefix("tests/")
    if name in OF_ROWS:
        rows = [row.id for row in zoo.ROWS if f"{parameter[:-1]}-".startswith(f"{row.id}-")]
        return max(rows, key=len, default=name)
    return name


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """The longest groups first, so that no worker ends with one while the others have nothing."""
    result = yield  # pytest puts tests of one parameter together
    first = {}
    for item in items:
        name = group(item.nodeid)
        place = LONGEST.index(name) if name in LONGEST else len(LONGEST) + name.endswith(".py")
        first.setdefault(name, (place, len(first)))
    items.sort(key=lambda item: first[group(item.nodeid)])
    return result


def pytest_xdist_make_scheduler(config, log):
    """In place of --dist=loadgroup, which pytest 9.2 has broken (xdist 3.8)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return ByGroup(config, log)


def pytest_collection_finish():
    # TensorFlow's converter collects garbage each time, through all that has been imported. Tracing
    # makes objects by the hundred thousand: by default a tenth of its time goes into collections.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_terminal_summary(terminalreporter):
    """What each group of tests took, so that what grows is seen; what `-m long` found is kept."""
    reports = [
        report
        for outcome in ("passed", "failed", "error", "")
        for report in terminalreporter.getreports(outcome)
        if hasattr(report, "duration")
    ]
    seconds = collections.Counter()
    for report in reports:
        seconds[group(report.nodeid)] += report.duration
    terminalreporter.section(f"{seconds.total():.0f} s of all workers; the dearest groups")
    for name, total in seconds.most_common(10):
        terminalreporter.write_line(f"{total:6.1f}s {name}")
    keep_long([report for report in reports if report.when == "call" and "long" in report.keywords])


LONG_RESULTS = ROOT / "benchmarks" / "results" / "long.json"


def keep_long(reports):
    """Writes what long tests measured beside what others of them have measured before."""
    if not reports:
        return
    commit = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(commit, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    kept = json.loads(LONG_RESULTS.read_text()) if LONG_RESULTS.exists() else {}
    for report in reports:
        kept[report.nodeid] = {
            "outcome": report.outcome,
            "seconds": round(report.duration),
            "commit": commit,
            **dict(report.user_properties),
        }
    LONG_RESULTS.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def pytest_sessionfinish():
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["TFDS_DATA_DIR"], ignore_errors=True)


def once(name, make):
    """A file that all workers share: the first that asks calls `make(path)`, the others wait."""
    path = Path(os.environ["TFDS_DATA_DIR"]) / name
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path)
    return path


@pytest.fixture
def hasty_judges(monkeypatch, tmp_path):
    """Networks that judge images take 20 steps for 600 and more, where nobody asks what they say.

    They are kept in no cache, where another would find them.
    """
    from tfgen import files
    from tfgen.metrics import features

    train = features.train_network

    def some(images, targets, seed=0, steps=None, **rest):
        return train(images, targets, seed, steps=20, **rest)

    monkeypatch.setattr(features, "train_network", some)
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "judges")


@pytest.fixture(scope="session")
def digits():
    from tfgen import data

    return data.open_source("digits")


@pytest.fixture(scope="session")
def images(digits):
    """The levels of the digits that are trained on: [1000, 8, 8, 1]."""
    from tfgen import data

    return data.arrays(digits.load("train"))["image"]
