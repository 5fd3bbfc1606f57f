"""Translate a folder of images with a run of a model between two domains:

    python -m train.translate --workdir=DIR --images=FOLDER --out=FOLDER [--to=X]

Every image is cropped, padded or stretched to the shape of the training images, as those were.
Writes each translation under the image's name, and comparison.png: images as given, and below each
translated.
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
        prog="python -m train.translate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run between two domains")
    parser.add_argument("--images", required=True, help="a folder of images of one domain")
    parser.add_argument("--to", default="Y", help="the domain to translate to, Y (default) or X")
    parser.add_argument("--out", required=True, help="the folder to write; new, or empty")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir)
    from tfgen.analysis import pictures

    count = pictures.translate(run, options.images, options.out, options.to)
    print(f"wrote {count} images and comparison.png to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
