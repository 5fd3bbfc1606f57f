"""Sample a run, a SavedModel or a server: the same seeds give the same picture from each.

python -m export.sample --from=runs/dcgan-digits --seeds=0:64 --out=grid.png

What --from may be is listed in `tfgen/exporting/sources.py`.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from tfgen import command
from tfgen.errors import UserError
from tfgen.exporting import sources
from tfgen.reports import figures


def parse_seeds(text: str) -> list[int]:
    """ "3", "0:64" or "1,5,9" -> a list of int32 seeds.  Raises: UserError."""
    try:
        if ":" in text:
            start, stop = map(int, text.split(":"))
            seeds = list(range(start, stop))
        else:
            seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < -(2**31) or max(seeds) >= 2**31:
        raise UserError(f"--seeds={text}: wanted are int32 seeds, as 7, or 1,5,9, or 0:64.")
    return seeds


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
    parser.add_argument("--out", default="grid.png", help="the picture to write (PNG)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    seeds = parse_seeds(options.seeds)
    if not options.out.endswith(".png"):
        raise UserError(f"--out={options.out}: the picture is a PNG file, so name it *.png.")
    sample = sources.open_source(options.source)
    images = sample(np.array(seeds, np.int32), label=options.label, caption=options.caption)
    figures.sample_grid(options.out, images)
    print(f"wrote {len(seeds)} samples to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
