"""A folder of pictures in, a folder of pictures out: what commands that change images share."""

from pathlib import Path

import numpy as np

from tfgen import figures
from tfgen.errors import UserError


def empty(folder):
    """The folder to write, a path.  Raises: UserError if there is something in it."""
    out = Path(folder)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out={out} is not an empty folder: choose another.")
    return out


def read(folder, image_shape):
    """(paths within the folder, images float32 [N, H, W, C] in [0, 1]) of the shape (H, W, C).

    Raises: UserError for a folder without images, or with one that cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    from tfgen.data.folder import SUFFIXES  # loads TensorFlow, for which --help should not wait

    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UserError(f"there is no folder {root}.")
    files = sorted(f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).")
    h, w, c = image_shape
    images = []
    for file in files:
        try:
            with Image.open(file) as image:
                fitted = ImageOps.fit(image.convert("L" if c == 1 else "RGB"), (w, h))
        except (UnidentifiedImageError, OSError) as error:
            raise UserError(f"{file} cannot be read as an image: {error}.") from None
        images.append(np.asarray(fitted, np.float32).reshape(h, w, c) / 255.0)
    return [f.relative_to(root) for f in files], np.stack(images)


def write(out, paths, images, changed):
    """Each changed image under its own name, and comparison.png: given, and below each changed."""
    for path, image in zip(paths, changed, strict=True):
        figures.save(out / path.with_suffix(".png"), figures.pixels(image))
    figures.save(out / "comparison.png", figures.stacked(images[:64], changed[:64]))
    print(f"wrote {len(paths)} images and comparison.png to {out}")
