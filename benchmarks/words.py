"""The README's picture of captions: from row to row one word changes, in a column the seed stays.

    python -m benchmarks.words --workdir=runs/text_to_image-shapes_by_caption

Writes docs/captions.png.
"""

import argparse
import sys

from benchmarks.table import ROOT
from tfgen import command, startup
from tfgen.reports import figures

CAPTIONS = (
    "a large red circle at the top left",
    "a large blue circle at the top left",
    "a large blue square at the top left",
    "a small blue square at the top left",
    "a small blue square at the bottom left",
    "a small blue square at the bottom right",
    "a large yellow cross in the centre",
    "a large purple triangle in the centre",
)


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.words")
    parser.add_argument("--workdir", required=True, help="a finished run of text_to_image or glide")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

        import tfgen
    path = ROOT / "docs" / "captions.png"
    figures.save(path, figures.by_condition(tfgen.load(options.workdir).model, CAPTIONS))
    print(f"wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
