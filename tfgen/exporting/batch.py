"""A million samples: shards of a folder (`tfgen/shards`), made by the workers of an engine."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import tfgen
from tfgen import engine
from tfgen.errors import UserError, one_of
from tfgen.exporting import checksums, maker, sources
from tfgen.exporting.source import Source
from tfgen.shards import formats
from tfgen.shards.folder import Folder
from tfgen.shards.plan import SIZE, Plan

# What may change the last bit of a sample.
VERSIONS = ("tensorflow", "keras", "numpy", "ai-edge-litert", "pillow")
SECONDS = 0.5  # between two looks at what is made


def export(
    source: str,
    seeds: Sequence[int],
    out: str | os.PathLike,
    kind: str = "tfrecord",
    runner: str = engine.LOCAL,
    flags: Sequence[str] = (),
    workers: int = 0,
    progress: Callable[[int], None] = lambda done: None,
    **condition: Any,
) -> dict[str, Any]:
    """Writes the samples of a run, a SavedModel or a LiteRT file. Returns what manifest.json holds.

    A call that was stopped goes on where it did, and one with more seeds makes those alone.

    Args:
      seeds: int32 numbers, a list or a range.
      out: a folder, new or of the same job, which all workers see.
      kind: of `formats.FORMATS`.
      runner, flags, workers: see `engine.for_each`.
      progress: called with how many samples are made.
      condition: `label` or `caption`, one for all, where the model wants it; without, all that it
        has in turn.

    Raises: UserError for what cannot be meant, and what workers say of their samples.
    """
    engine.check_installed()
    one_of("format", kind, formats.FORMATS)
    folder = Folder(Path(out).expanduser().resolve())
    job, plan = prepared(source, seeds, kind, **condition)
    folder.begin(job, plan)
    opener = functools.partial(opened, str(Path(source).expanduser().resolve()), str(folder.path))
    with _watched(folder, len(plan.seeds), progress):
        engine.for_each(range(plan.shards), opener, runner, flags, workers)
    return folder.finish()


def opened(source: str, out: str) -> maker.Maker:
    """What a worker makes shards with: of one thread."""
    with contextlib.suppress(RuntimeError):  # TensorFlow has its threads already, in a test
        maker.one_thread()
    return maker.Maker(source, out)


def prepared(
    source: str, seeds: Sequence[int], kind: str, **condition: Any
) -> tuple[dict[str, Any], Plan]:
    """The job and its plan; the source is opened and asked for one sample, so that it is known to
    answer before anything is begun.

    Raises: UserError for a source or a condition that does not fit.
    """
    if source.startswith(("grpc://", "http://", "https://")):
        raise UserError(
            f"{source} is a server: a batch is made of a model that workers open themselves, a "
            "run, a SavedModel or a .tflite file."
        )
    sampler = sources.open_source(source)
    rows, name = _rows(sampler, condition)
    plan = Plan(seeds, rows)
    first, wanted = plan.block(0)
    asked = {} if wanted is None else {"condition": wanted[:1]}
    shape = sampler(first[:1], **asked).shape[1:]
    return {
        "model": {"source": source, "sha256": checksums.of_model(source)},
        "versions": {"tfgen": tfgen.__version__} | {p: metadata.version(p) for p in VERSIONS},
        "format": kind,
        "image_shape": list(shape),
        "batch": maker.batch_size(shape),
        "condition": {"name": name} if name else {},
    }, plan


def _rows(sampler: Source, condition: dict[str, Any]) -> tuple[np.ndarray | None, str]:
    """(the rows that seeds are asked for in turn, the name of the condition); (None, "")."""
    if not condition and sampler.condition:
        return sampler.condition.choices(), sampler.condition.name
    found = sampler.rows(1, **condition)
    for name, rows in found.items():
        return (rows.astype(str) if rows.dtype == object else np.asarray(rows)), name
    return None, ""


@contextlib.contextmanager
def _watched(folder: Folder, total: int, progress: Callable[[int], None]) -> Iterator[None]:
    """Tells how many samples are made, whoever makes them: by looking at the folder."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS):
            progress(min(SIZE * folder.done(), total))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
        progress(total)
    finally:
        ended.set()
        thread.join()
