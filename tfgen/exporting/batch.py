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
from tfgen import addresses, checksums, engine, presets, startup
from tfgen.errors import UserError, one_of
from tfgen.exporting import maker, sources, table
from tfgen.exporting.source import Source
from tfgen.files import FOLDERS
from tfgen.seeds import checked
from tfgen.shards import formats
from tfgen.shards.folder import Folder
from tfgen.shards.plan import SIZE, Plan

# What may change the last bit of a sample.
VERSIONS = ("tensorflow", "keras", "numpy", "ai-edge-litert", "pillow")
SECONDS = 0.5  # between two looks at what is made


def export(
    source: str,
    seeds: Any,
    out: str | os.PathLike,
    kind: str = "tfrecord",
    conditions: str | os.PathLike = "",
    rejects: str | os.PathLike = "",
    runner: str = engine.LOCAL,
    flags: Sequence[str] = (),
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **condition: Any,
) -> dict[str, Any]:
    """Writes the samples of a run, a SavedModel or a LiteRT file. Returns what manifest.json holds.

    A call that was stopped goes on where it did, and one with more seeds makes those alone.

    Args:
      seeds: int32 numbers, a list or a range; None where `conditions` has them.
      out: a folder, new or of the same job, which all workers see.
      kind: of `formats.FORMATS`.
      conditions: a CSV or Parquet file of seeds and what each is asked for, and `rejects`, where
        its bad rows go (`table.py`).
      runner, flags, workers: see `engine.for_each`.
      progress: called with (how many samples are made, of how many).
      condition: `label` or `caption`, one for all, where the model wants it; without, all that it
        has in turn.

    Raises: UserError for what cannot be meant, and what workers say of their samples.
    """
    engine.check_installed()
    one_of("format", kind, formats.FORMATS)
    addresses.refuse(out, FOLDERS)
    folder = Folder(Path(out).expanduser().resolve())
    path = _found(source, runner)
    job, plan = prepared(path, seeds, kind, conditions, rejects, **condition)
    folder.begin(job, plan)
    opener = functools.partial(opened, path, str(folder.path))
    with _watched(folder, len(plan.seeds), progress):
        engine.for_each(range(plan.shards), opener, runner, flags, workers)
    return folder.finish()


def _found(source: str, runner: str) -> str:
    """The path by which workers open a model: of a run in a store that of a copy of it here.

    Raises: UserError for one in a store and workers on other machines.
    """
    if source.startswith(sources.SERVERS):
        return source
    if runner != engine.LOCAL:
        addresses.refuse(source, f"workers of `runner={runner}` open a model by its path")
    if source.startswith(presets.ZOO) or addresses.is_one(source):
        return str(presets.locate(source).path)
    return os.path.abspath(Path(source).expanduser())


def opened(source: str, out: str) -> maker.Maker:
    """What a worker makes shards with: of one thread."""
    startup.one_thread()
    return maker.Maker(source, out)


def prepared(
    source: str,
    seeds: Any,
    kind: str,
    conditions: str | os.PathLike = "",
    rejects: str | os.PathLike = "",
    **condition: Any,
) -> tuple[dict[str, Any], Plan]:
    """The job and its plan; the source is opened and asked for one sample, so that it is known to
    answer before anything is begun.

    Raises: UserError for a source or a condition that does not fit.
    """
    if source.startswith(sources.SERVERS):
        raise UserError(
            f"{source} is a server: a batch is made of a model that workers open themselves, a "
            "run, a SavedModel or a .tflite file."
        )
    sampler = sources.open_source(source)
    plan, asked_for = _planned(sampler, seeds, conditions, rejects, condition)
    if kind == "png" and len(np.unique(plan.seeds)) < len(plan.seeds):
        raise UserError(
            "a seed is there twice, and pictures are named by their seeds: `format=tfrecord` and "
            "`format=npz` take it."
        )
    first, wanted = plan.block(0)
    asked = {} if wanted is None else {"condition": wanted[:1]}
    shape = sampler(first[:1], **asked).shape[1:]
    return {
        "model": {"source": source, "sha256": checksums.of_model(presets.locate(source).path)},
        "versions": {"tfgen": tfgen.__version__} | {p: metadata.version(p) for p in VERSIONS},
        "format": kind,
        "image_shape": list(shape),
        "batch": maker.batch_size(shape),
        "condition": asked_for,
    }, plan


def _planned(
    sampler: Source,
    seeds: Any,
    conditions: str | os.PathLike,
    rejects: str | os.PathLike,
    condition: dict[str, Any],
) -> tuple[Plan, dict[str, Any]]:
    """The plan, and what the job says of the condition.

    Raises: UserError for seeds and conditions that do not go together, or do not fit.
    """
    if bool(conditions) != (seeds is None) or (conditions and condition):
        raise UserError(
            "give either `seeds`, with one `label` or `caption` for all if the model wants it, or "
            "`conditions=FILE`, which has them."
        )
    if rejects and not conditions:
        raise UserError("`rejects` is for rows of `conditions=FILE`, and none is given.")
    if conditions:
        plan = table.read(conditions, sampler, rejects)
        file = Path(conditions).expanduser()
        (name,) = sampler.rows(1, condition=plan.rows[:1]) if plan.rows is not None else ("",)
        return plan, {"name": name, "source": str(file)} | {"sha256": checksums.of_model(file)}
    rows, name = _rows(sampler, condition)
    said = {word: str(value) for word, value in condition.items()} or {"each": "in turn"}
    return Plan(_seeds(seeds), rows), {"name": name, **said} if name else {}


def _seeds(given: Any) -> Sequence[int] | np.ndarray:
    """A range as it is, anything else as int32 [N].  Raises: UserError for what is no seed."""
    if isinstance(given, range) and given:
        checked([given[0], given[-1]])
        return given
    return checked(given)


def _rows(sampler: Source, condition: dict[str, Any]) -> tuple[np.ndarray | None, str]:
    """(the rows that seeds are asked for in turn, the name of the condition); (None, "")."""
    if not condition and sampler.condition:
        return sampler.condition.choices(), sampler.condition.name
    found = sampler.rows(1, **condition)
    for name, rows in found.items():
        return (rows.astype(str) if rows.dtype == object else np.asarray(rows)), name
    return None, ""


@contextlib.contextmanager
def _watched(folder: Folder, total: int, progress: Callable[[int, int], None]) -> Iterator[None]:
    """Tells how many samples are made, whoever makes them: by looking at the folder."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS):
            progress(min(SIZE * folder.done(), total), total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
        progress(total, total)
    finally:
        ended.set()
        thread.join()
