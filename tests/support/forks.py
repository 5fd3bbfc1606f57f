"""Run by tests in its own process: commands as processes that have loaded TensorFlow already.

A process of its own for a command costs seconds until TensorFlow is there. This one loads it,
computes nothing, and forks for each request: [module, arguments, {environment}, a file for what
the command prints] -> its process id; [process id] -> how it ended, as `subprocess` has it.
`module` has a `main(argv)` that returns the exit status.
"""

import importlib
import json
import os
import sys

from train import run  # noqa: F401 - what most processes run
from tfgen.training import loop  # noqa: F401 - and what it loads


def start(module, arguments, environment, out):
    """Forks. Returns the process id."""
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        os.environ.update(environment)
        # The thread that reads requests is this one: nothing else runs that a fork would lose.
        null, file = os.open(os.devnull, os.O_RDONLY), os.open(out, os.O_WRONLY | os.O_CREAT)
        for here, there in ((null, 0), (file, 1), (file, 2)):
            os.dup2(here, there)
        sys.argv = [module, *arguments]
        status = importlib.import_module(module).main(sys.argv)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        import atexit

        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if len(request) == 1:
            _, status = os.waitpid(int(request[0]), 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = start(*request)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
