"""The conformance server as a process of its own, for the time of a test."""

import contextlib
import subprocess
import sys

from tests.conftest import ROOT


@contextlib.contextmanager
def serving(name, folder):
    """Serves the versions in a folder. Gives (grpc address, REST address)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance_server", name, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield [f"127.0.0.1:{port}" for port in process.stdout.readline().split()]
    finally:
        process.kill()
        process.wait()
