"""Translate a folder of images with a run of a model between two domains:

    python -m train.translate --workdir=DIR --images=FOLDER --out=FOLDER [--to=X]

Every image is cropped to a square and resized to the size that the run was trained on. Writes each
translation under the image's name, and comparison.png: images as given, and below each translated.
"""

import argparse
import functools
import sys

from tfgen import command, latents
from tfgen.errors import UserError
from train import pictures
from train.finished import open_run


def main(argv=None):
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


def _run(options):
    out = pictures.empty(options.out)
    finished = open_run(options.workdir)
    model = finished.model
    if not model.can("translate"):
        raise UserError(f"{finished.name} does not translate images; cyclegan does.")
    paths, images = pictures.read(options.images, model.image_shape)
    translate = functools.partial(model.translate, to=options.to)
    pictures.write(out, paths, images, latents.in_batches(translate, images))


if __name__ == "__main__":
    sys.exit(main())
