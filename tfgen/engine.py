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
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfgen import files
from tfgen.errors import UserError

LOCAL = "local"


def check_installed() -> None:
    """Raises: UserError where Apache Beam is not installed."""
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(
            "sampling on many machines needs Apache Beam, which is not installed: "
            "pip install -e '.[beam]', or apache-beam beside tfgen."
        )


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


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

    Raises: UserError of `opener` or what it gave, as it was raised in a worker.
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
    return shared.acquire(opener)(number)


@contextlib.contextmanager
def _pipeline(runner: str, flags: Sequence[str], workers: int) -> Iterator[Any]:
    """A pipeline that runs when the block ends.

    Raises: UserError that a worker raised.
    """
    check_installed()
    with _quiet() if runner == LOCAL else contextlib.nullcontext():
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        how = _local() if runner == LOCAL else runner
        given = [f"--{flag.lstrip('-')}" for flag in flags]
        more = {"direct_num_workers": workers or cores()} if runner == LOCAL else {}
        try:
            with beam.Pipeline(runner=how, options=PipelineOptions(given, **more)) as pipeline:
                yield pipeline
        except RuntimeError as error:
            said = _of_user(str(error))
            if said:
                raise UserError(said) from None
            raise


def _local() -> Any:
    """Workers that are processes of this machine.

    By its class: the name "DirectRunner" would try Prism first, a program that it downloads. With
    `exec`, whoever ends a worker ends it and not its shell. What a worker says goes through the
    logging of this process, and not to stderr a second time.
    """
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    python = shlex.quote(sys.executable)
    command = f"exec {python} -m apache_beam.runners.worker.sdk_worker_main 2>/dev/null"
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


def _of_user(said: str) -> str:
    """The sentence of a UserError in the traceback of a worker; "" where none was raised."""
    found = re.findall(r"tfgen\.errors\.UserError: (.*?)(?: \[while running|\n\n|\Z)", said, re.S)
    return found[-1].strip() if found else ""
