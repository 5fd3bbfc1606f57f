"""Sample a run, a SavedModel or a server: the same seeds give the same picture from each.

python -m export.sample --from=runs/dcgan-digits --seeds=0:64 --out=grid.png

What --from may be is listed in `tfgen/exporting/sources.py`, what --out in `sampling.py` beside it.
"""

import argparse
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
from tfgen import command, progress, seeds
from tfgen.exporting import sampling


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.sample", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        help="a run, a SavedModel, grpc://host:port/NAME or http://host:port/v1/models/NAME",
    )
    parser.add_argument("--seeds", default="0:64", help="7, or 1,5,9, or 0:64 (the default)")
    parser.add_argument("--label", help="the class to sample, a number or a name")
    parser.add_argument("--caption", help="what to paint, for models of text")
    parser.add_argument(
        "--out", default="grid.png", help="a grid NAME.png, an array NAME.npz, or a folder"
    )
    return command.status(_run, parser.parse_args(_joined(sys.argv[1:] if argv is None else argv)))


def _joined(argv: Sequence[str]) -> list[str]:
    """--seeds -5:5 as one word, for a parser that takes what begins with a dash for a flag."""
    words = list(argv)
    for i in range(len(words) - 1):
        if words[i] == "--seeds":
            words[i : i + 2] = [f"--seeds={words[i + 1]}"]
            break
    return words


def _run(options: argparse.Namespace) -> None:
    numbers = seeds.parse(options.seeds)
    asked = {"label": options.label, "caption": options.caption}
    condition = {word: value for word, value in asked.items() if value is not None}
    with progress.counted(len(numbers), "sample") as done:
        path = sampling.write(options.source, numbers, options.out, done, **condition)
    print(f"wrote {len(numbers):,} samples to {path}")


if __name__ == "__main__":
    sys.exit(main())
