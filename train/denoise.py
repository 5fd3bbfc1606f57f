"""Clean a folder of images with a run of a denoiser:

    python -m train.denoise --workdir=DIR --images=FOLDER --out=FOLDER

Every image is cropped to a square and resized to the size that the run was trained on. Writes each
cleaned image under its own name, and comparison.png: images as given, and below each as cleaned.
Beforehand it says what the model is worth on held-out images, beside the best linear denoiser.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from tfgen import command, figures, latents
from tfgen.errors import UserError
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
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out={out} is not an empty folder: choose another.")
    finished = open_run(options.workdir)
    model = finished.model
    if not model.can("denoise"):
        raise UserError(f"{finished.name} is no denoiser; denoising_autoencoder is one.")
    paths, images = read(options.images, model)
    print("\n".join(worth(finished)))
    cleaned = latents.in_batches(model.denoise, images)
    for path, image in zip(paths, cleaned, strict=True):
        figures.save(out / path.with_suffix(".png"), figures.pixels(image))
    figures.save(out / "comparison.png", figures.stacked(images[:64], cleaned[:64]))
    print(f"wrote {len(paths)} images and comparison.png to {out}")


def read(folder, model):
    """(paths within the folder, images float32 [N, H, W, C] in [0, 1]) of the model's shape.

    Raises: UserError for a folder without images, or with one that cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    from tfgen.data.folder import SUFFIXES

    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UserError(f"there is no folder {root}.")
    files = sorted(f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).")
    h, w, c = model.image_shape
    images = []
    for file in files:
        try:
            with Image.open(file) as image:
                fitted = ImageOps.fit(image.convert("L" if c == 1 else "RGB"), (w, h))
        except (UnidentifiedImageError, OSError) as error:
            raise UserError(f"{file} cannot be read as an image: {error}.") from None
        images.append(np.asarray(fitted, np.float32).reshape(h, w, c) / 255.0)
    return [f.relative_to(root) for f in files], np.stack(images)


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
