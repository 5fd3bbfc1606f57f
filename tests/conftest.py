"""Settings of the whole suite: quiet TensorFlow, data prepared once in a folder of the session."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# As the commands set it, whose results are compared with those of this process.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Set before TFDS is imported, and inherited by the commands that tests run.
os.environ["TFDS_DATA_DIR"] = tempfile.mkdtemp(prefix="tfgen-test-data-")

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_sessionfinish():
    shutil.rmtree(os.environ["TFDS_DATA_DIR"], ignore_errors=True)


@pytest.fixture(scope="session")
def digits():
    from tfgen import data

    return data.open_source("digits")
