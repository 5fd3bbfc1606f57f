"""Processes beside that of the tests: one of each, started when the first test asks for it."""

import functools
import json
import subprocess
import sys

from tests.conftest import ROOT


class Helper:
    """A module of tests as a process that is sent lines of JSON and answers each by a line."""

    def __init__(self, module):
        # It ends with the process that started it, whose end of the pipe it reads.
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"{self.process.args} ended with {self.process.wait()}: see its stderr"
        return line

    def ask(self, *values):
        return self.ask_json([str(value) for value in values])

    def ask_json(self, values):
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()
        return self.answer()


@functools.cache
def _reader():
    return Helper("tests.support.reader")


def read(*request):
    """What `tests/support/reader.py` says of a SavedModel."""
    return json.loads(_reader().ask(*request))


@functools.cache
def _server():
    helper = Helper("tests.support.conformance_server")
    return helper, [f"127.0.0.1:{port}" for port in helper.answer().split()]


def serve(name, folder):
    """Serves the versions in a folder. Returns: (grpc address, REST address)."""
    helper, addresses = _server()
    assert helper.ask(name, folder).strip() == name
    return addresses


@functools.cache
def _replicas():
    return Helper("tests.support.replicas")


@functools.cache
def replicas(row_id):
    """What `tests/support/replicas.py` says of two replicas of a row."""
    return json.loads(_replicas().ask(row_id))


def replicas_tell(what):
    """What the function of that name in `tests/support/replicas.py` says."""
    return json.loads(_replicas().ask(what))
