"""Folders of pictures that show nothing."""

import numpy as np
from PIL import Image


def pictures(folder, count, side=16, mode="RGB"):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(count)
    for i in range(count):
        shape = (side, side, 3) if mode == "RGB" else (side, side)
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"{i}.png")
    return folder
