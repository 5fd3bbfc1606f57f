"""Look into the codes of a finished run: python -m train.explore --workdir=DIR

Traversals, interpolations, image arithmetic, the map of a plane of codes, reconstructions: pictures
in figures/explore-*.png, and on a page explore.html.
"""

import argparse
import sys
from collections.abc import Sequence

import train  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.explore", description=__doc__.partition("\n\n")[2]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--out", default="", help="a folder for what is written (the run's own)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir, out=options.out)
    shown = run.outputs.shown
    print(f"wrote {shown(run.explore())}\nwrote {shown(run.outputs.figures)}/explore-*.png")


if __name__ == "__main__":
    sys.exit(main())
