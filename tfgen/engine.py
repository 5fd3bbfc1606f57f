"""Many machines by Apache Beam: a function of whole numbers, each done by some worker.

On one machine the workers are processes, as many as cores. Any other Beam runner is named, and its
options with it: "FlinkRunner", ["flink_master=host:8081", ...]. What workers read and write lies
where all of them see it, under the same path.
"""

import contextlib
import functools
import importlib.util
import logging
import os
import pickle
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from tfgen import files, startup
from tfgen.errors import UserError

LOCAL = "local"
WORKER = "apache_beam.runners.worker.sdk_worker_main"
LEASE = "TFGEN_LEASE"  # of the environment: the path of a file that a worker lives by


def check_installed() -> None:
    """Raises: UserError where Apache Beam is not installed."""
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(
            "sampling on many machines needs Apache Beam, which is not installed: "
            "pip install -e '.[beam]', or apache-beam beside tfgen."
        )


def for_each(
    numbers: Sequence[int],
    opener: Callable[[], Callable[[int], Any]],
    runner: str = LOCAL,
    flags: Sequence[str] = (),
    workers: int = 0,
) -> None:
    """Calls `opener()(number)` for each, on workers; `opener` is called once in each of them.

    Args:
      numbers: what is to be done, in any order.
      opener: a function of a module, or a `functools.partial` of one: it is sent by its name.
      runner: "local", or the name of a Beam runner; flags: its options, without leading dashes.
      workers: processes of the local runner; 0: as many as cores.

    Raises: UserError of `opener` or what it gave, and OSError, as a worker raised them.
    """
    with _pipeline(runner, flags, workers) as pipeline:
        _mapped(pipeline, numbers, opener)


def merged(
    numbers: Sequence[int],
    opener: Callable[[], Callable[[int], Any]],
    merge: Callable[[Iterable[Any]], Any],
    folder: Path,
    runner: str = LOCAL,
    flags: Sequence[str] = (),
    workers: int = 0,
) -> Any:
    """The same, of which something is made of all that was found.

    Args:
      merge: what is found for numbers, or merged before -> what they are together, in any order.
      folder: where all workers can write, for a moment.

    Returns: what `merge` made of all.
    """
    with tempfile.TemporaryDirectory(prefix=files.UNFINISHED, dir=folder) as shared:
        path = os.path.join(shared, "merged.pickle")
        with _pipeline(runner, flags, workers) as pipeline:
            import apache_beam as beam

            _ = (
                _mapped(pipeline, numbers, opener)
                | "together" >> beam.CombineGlobally(merge)
                | "kept" >> beam.Map(functools.partial(_keep, path))
            )
        return pickle.loads(Path(path).read_bytes())


def _keep(path: str, found: Any) -> None:
    with files.atomic(path) as temporary:
        temporary.write_bytes(pickle.dumps(found))


def _mapped(pipeline: Any, numbers: Sequence[int], opener: Callable[[], Any]) -> Any:
    """A collection of what each number gives."""
    import apache_beam as beam
    from apache_beam.utils.shared import Shared

    return (
        pipeline
        | "numbers" >> beam.Create(numbers, reshuffle=False)
        | "among workers" >> beam.Reshuffle()
        | "each" >> beam.Map(functools.partial(_call, Shared(), opener))
    )


def _call(shared: Any, opener: Callable[[], Any], number: int) -> Any:
    """In a worker: of one process, all threads and bundles share what was opened."""
    return shared.acquire(functools.partial(_open, opener))(number)


def _open(opener: Callable[[], Any]) -> Any:
    lease = os.environ.get(LEASE)
    if lease:
        threading.Thread(target=_end_without, args=(lease, os.getppid()), daemon=True).start()
    return opener()


def _end_without(lease: str, parent: int) -> None:
    """Ends this worker when whoever started it is gone, or takes the lease away.

    Beam would have it do all that it was given first, which is half of everything.
    """
    while os.path.exists(lease) and os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


@contextlib.contextmanager
def _pipeline(runner: str, flags: Sequence[str], workers: int) -> Iterator[Any]:
    """A pipeline that runs when the block ends.

    Raises: UserError and OSError that a worker raised.
    """
    check_installed()
    with contextlib.ExitStack() as stack:
        if runner == LOCAL:
            stack.enter_context(_quiet())
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        how = _local(stack.enter_context(_lease())) if runner == LOCAL else runner
        given = [f"--{flag.lstrip('-')}" for flag in flags]
        more = {"direct_num_workers": workers or startup.cores()} if runner == LOCAL else {}
        try:
            with beam.Pipeline(runner=how, options=PipelineOptions(given, **more)) as pipeline:
                yield pipeline
        except RuntimeError as error:
            known = _known(str(error))
            if known:
                raise known from None
            raise


@contextlib.contextmanager
def _lease() -> Iterator[str]:
    """A file that workers of this machine look for; a signal takes it away before it is heeded."""
    with tempfile.TemporaryDirectory(prefix="tfgen-") as folder:
        lease = Path(folder) / "lease"
        lease.touch()
        numbers = startup.signals("SIGINT", "SIGTERM", "SIGHUP")
        # Of the others the default ends this process, which workers see.
        before: dict[int, Any] = {n: old for n in numbers if callable(old := signal.getsignal(n))}

        def end(number: int, frame: FrameType | None) -> None:
            lease.unlink(missing_ok=True)
            before[number](number, frame)

        with startup.handling(list(before), end):
            yield str(lease)


def _local(lease: str) -> Any:
    """Workers that are processes of this machine.

    By its class: the name "DirectRunner" would try Prism first, a program that it downloads. With
    `exec`, whoever ends a worker ends it and not its shell. What a worker says goes through the
    logging of this process, and not to stderr a second time.

    Raises: UserError where there is no POSIX shell to start them.
    """
    if os.name != "posix":
        raise UserError(
            "workers of this machine are started as Linux and macOS start them: on Windows use "
            "WSL 2, or name another `runner`."
        )
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    words = ["env", f"{LEASE}={lease}", sys.executable, "-m", WORKER]
    command = f"exec {shlex.join(words)} 2>/dev/null"
    return FnApiRunner(SubprocessSDKEnvironment.from_command_string(command))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Beam logs each stage, and a traceback where a worker fails, which is raised as well."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _known(said: str) -> Exception | None:
    """What a worker raised, from its traceback: a UserError, an error of a disk; else None."""
    end = r"(?: \[while running|\n\n|\Z)"
    sentences = re.findall(rf"^tfgen\.errors\.UserError: (.*?){end}", said, re.S | re.M)
    if sentences:
        return UserError(sentences[-1].strip())
    disk = re.findall(rf"^\w+Error: \[Errno (\d+)\] (.*?)(?:: '(.*?)')?{end}", said, re.S | re.M)
    return OSError(int(disk[-1][0]), *disk[-1][1:]) if disk else None
