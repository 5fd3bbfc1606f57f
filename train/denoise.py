"""Clean a folder of images with a run of a denoiser:

    python -m train.denoise --workdir=DIR --images=FOLDER --out=FOLDER

Every image is cropped to a square and resized to the size that the run was trained on. Writes each
cleaned image under its own name, and comparison.png: images as given, and below each as cleaned.
Beforehand it says what the model is worth on held-out images, beside the best linear denoiser.
"""

import argparse
import sys

from tfgen import command, latents
from tfgen.errors import UserError
from train import pictures
from train.finished import open_run


def main(argv=None):
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


def _run(options):
    out = pictures.empty(options.out)
    finished = open_run(options.workdir)
    model = finished.model
    if not model.can("denoise"):
        raise UserError(f"{finished.name} is no denoiser; denoising_autoencoder is one.")
    paths, images = pictures.read(options.images, model.image_shape)
    print("\n".join(worth(finished)))
    pictures.write(out, paths, images, latents.in_batches(model.denoise, images))


def worth(finished):
    """What the model does to held-out images that it is given noisy, beside a linear denoiser."""
    from tfgen.evaluation import Splits, representation

    model, source = finished.model, finished.source
    splits = Splits.load(source, finished.training.split, finished.test)
    own = representation.denoised(model, splits)
    yield f"On held-out images of {source.name}, in dB of PSNR (the more the better):"
    rows = {"this model": own, **representation.denoising_baselines(model, splits)}
    for name, found in rows.items():
        yield f"  {name:18}{found['denoised_psnr']:6.2f}"


if __name__ == "__main__":
    sys.exit(main())
