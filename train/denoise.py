"""Clean a folder of images with a run of a denoiser:

    python -m train.denoise --workdir=DIR --images=FOLDER --out=FOLDER

Every image is cropped, padded or stretched to the shape of the training images, as those were.
Writes each cleaned image under its own name, and comparison.png: images as given, and below each
as cleaned. Beforehand it says what the model is worth on held-out images, beside the best linear
denoiser.
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
        prog="python -m train.denoise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run of a denoiser")
    parser.add_argument("--images", required=True, help="a folder of images")
    parser.add_argument("--out", required=True, help="the folder to write; new, or empty")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir)
    from tfgen.analysis import pictures

    count = pictures.denoise(run, options.images, options.out)
    print("\n".join(pictures.worth(run)))
    print(f"wrote {count} images and comparison.png to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
