"""Sample a run, a SavedModel or a server: the same seeds give the same picture from each.

python -m export.sample --from=runs/dcgan-digits --seeds=0:64 --out=grid.png

What --from may be is listed in `tfgen/exporting/sources.py`, what --out in `sampling.py` beside it.
"""

import argparse
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
from tfgen import command, progress, seeds
from tfgen.errors import UserError
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
        help="a run, zoo:dcgan/digits, a SavedModel, grpc://host:port/NAME or http://host:port/v1/models/NAME",
    )
    parser.add_argument("--seeds", help="7, or 1,5,9, or 0:64 (the default)")
    parser.add_argument("--label", help="the class to sample, a number or a name")
    parser.add_argument("--caption", help="what to paint, for models of text")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="of a normal latent vector; 1 is its own"
    )
    parser.add_argument(
        "--truncation", type=float, default=0.0, help="its largest number, as 1.5; 0 is none"
    )
    parser.add_argument("--interpolate", help="a GIF of the way between seeds, as 3:7 or 3:7:11")
    parser.add_argument(
        "--out",
        help="a grid NAME.png, an array NAME.npz, or a folder; of an interpolation NAME.gif",
    )
    return command.status(_run, parser.parse_args(_joined(sys.argv[1:] if argv is None else argv)))


def _joined(argv: Sequence[str]) -> list[str]:
    """--seeds -5:5 as one word: a parser takes what begins with a dash for a flag."""
    words: list[str] = []
    for word in argv:
        if words and words[-1] in ("--seeds", "--interpolate"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def _run(options: argparse.Namespace) -> None:
    asked = {"label": options.label, "caption": options.caption}
    condition = {word: value for word, value in asked.items() if value is not None}
    condition |= {"temperature": options.temperature, "truncation": options.truncation}
    if options.interpolate is not None:
        if options.seeds is not None:
            raise UserError("`interpolate` names its seeds: leave `seeds` out.")
        ends = list(seeds.way(options.interpolate))
        path = sampling.interpolate(
            options.source, ends, options.out or "interpolation.gif", **condition
        )
        print(f"wrote the way from seed {' to '.join(map(str, ends))} and back to {path}")
        return
    numbers = seeds.parse("0:64" if options.seeds is None else options.seeds)
    with progress.counted(len(numbers), "sample") as done:
        path = sampling.write(options.source, numbers, options.out or "grid.png", done, **condition)
    print(f"wrote {len(numbers):,} samples to {path}")


if __name__ == "__main__":
    sys.exit(main())
