"""A million samples of a run, a SavedModel or a .tflite file, by Apache Beam.

python -m export.batch --from=runs/dcgan-digits --seeds=0:1000000 --out=million --format=png

What --out then holds is listed in `tfgen/shards/__init__.py`.
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
from tfgen import command, engine, progress, seeds
from tfgen.exporting import batch
from tfgen.shards import formats


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.batch", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--from", dest="source", required=True, help="a run, a SavedModel, a file")
    parser.add_argument("--seeds", help="0:1000000, or 1,5,9")
    parser.add_argument("--out", required=True, help="a folder, new or of the same job")
    parser.add_argument("--format", default="tfrecord", help=", ".join(formats.FORMATS))
    parser.add_argument("--label", help="the class to sample, a number or a name")
    parser.add_argument("--caption", help="what to paint, for models of text")
    parser.add_argument("--conditions", default="", help="a CSV or Parquet file of seed,label")
    parser.add_argument("--rejects", default="", help="a CSV file for its bad rows (refused)")
    parser.add_argument("--workers", type=int, default=0, help="processes (as many as cores)")
    parser.add_argument("--runner", default=engine.LOCAL, help="a Beam runner, as FlinkRunner")
    parser.add_argument("--pipeline_flag", action="append", default=[], help="an option of it")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    asked = {"label": options.label, "caption": options.caption}
    condition = {word: value for word, value in asked.items() if value is not None}
    numbers = None if options.seeds is None else seeds.parse(options.seeds)
    given = {name: getattr(options, name) for name in ("conditions", "rejects", "workers")}
    with contextlib.closing(progress.Counting("sample")) as done:
        found = batch.export(
            options.source,
            numbers,
            options.out,
            options.format,
            runner=options.runner,
            flags=options.pipeline_flag,
            progress=done,
            **given,
            **condition,
        )
    count, shards = found["seeds"]["count"], len(found["shards"])
    print(f"wrote {count:,} samples in {shards:,} shards to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
