"""Workers of one training as real processes on the loopback address."""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import socket
import time
from pathlib import Path

from tests.support import runs, servers


@functools.cache
def _forks():
    return servers.Helper("tests.support.forks")


@dataclasses.dataclass
class Worker:
    """A process; `out` is the file of what it prints."""

    process: int
    out: Path

    def wait(self):
        """(how it ended, what it printed)."""
        return int(_forks().ask_json([self.process])), self.out.read_text()

    def kill(self, number=signal.SIGKILL):
        os.kill(self.process, number)


def addresses(count):
    """As many addresses of this machine as are free now."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in taken]


def start(folder, index, all_of_them, *arguments, module="train.run", **environment):
    task = {"cluster": {"worker": all_of_them}, "task": {"type": "worker", "index": index}}
    environment = {"TF_CONFIG": json.dumps(task)} | environment
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{index}-{time.monotonic_ns()}.txt"
    request = [module, [str(a) for a in arguments], environment, str(out)]
    return Worker(int(_forks().ask_json(request)), out)


def begun(count, folder, *arguments, module="train.run"):
    """So many that begin."""
    of_all = addresses(count)
    return [start(folder, i, of_all, *arguments, module=module) for i in range(count)]


def pair(folder, *arguments):
    """Two of `train.run`."""
    return begun(2, folder, *arguments)


def trained(folder, *arguments):
    """Of two that train to their end what they printed."""
    found = [worker.wait() for worker in pair(folder, *arguments)]
    assert [status for status, _ in found] == [0, 0], found
    return [said for _, said in found]


def flags(model, workdir, **changes):
    """The arguments of `train.run`."""
    return runs.command(model, workdir, **changes)[3:]
