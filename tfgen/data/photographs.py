"""`photographs`: patches of the photographs among KDE's wallpapers; Debian's and Ubuntu's package
plasma-workspace-wallpapers.

Eleven of its wallpapers are photographs, the others drawn. They are free: LGPL 3, as the metadata
of each says, or GPL 2 and later, as Debian says of the package. Each photograph is made HEIGHT
pixels high, so that a patch shows a thing and not a texture, and cut into squares of SIDE pixels
that overlap by three quarters; those of bare sky are left out. A photograph belongs to one split
whole.
"""

from pathlib import Path

import numpy as np

from tfgen.data import packaged
from tfgen.data.fitting import Fitting
from tfgen.data.picture import opened
from tfgen.errors import UserError

FOLDER = Path("/usr/share/wallpapers")
PHOTOGRAPHS = {
    "BytheWater": "train",
    "ColdRipple": "train",
    "ColorfulCups": "train",
    "DarkestHour": "train",
    "EveningGlow": "test",
    "FallenLeaf": "train",
    "Grey": "train",
    "Kite": "train",
    "OneStandsOut": "train",
    "Path": "validation",
    "summer_1am": "train",
}
SIDE, STEP = 64, 16
HEIGHT = 256
CONTRAST = 12.0  # levels by which the pixels of a patch differ from their mean at least


def source(fitting: Fitting, directory: str = "", folder: Path = FOLDER) -> packaged.Packaged:
    """The data set.  Raises: UserError, which names the package, where it is not installed."""
    rows, fit = [], packaged.fitter(fitting)
    for name, split in PHOTOGRAPHS.items():
        for patch in _patches(_photograph(folder, name)):
            rows.append((split, {"image": fit(patch)}))
    return packaged.Packaged("photographs", packaged.parts_of(rows), ())


def _photograph(folder: Path, name: str) -> np.ndarray:
    """uint8 [HEIGHT, W, 3]."""
    files = sorted((folder / name).rglob("2560x1600.jpg"))
    if not files:
        raise UserError(
            f"the data set 'photographs' is cut from the wallpaper {name}, which {folder} does not "
            "hold. Debian and Ubuntu have it as a package: `apt-get install "
            "plasma-workspace-wallpapers`."
        )
    with opened(files[0]) as image:
        image.draft("RGB", (2 * HEIGHT, 2 * HEIGHT))
        width = round(HEIGHT * image.width / image.height)
        return np.asarray(image.convert("RGB").resize((width, HEIGHT)))


def _patches(photograph: np.ndarray) -> np.ndarray:
    """[H, W, 3] -> those that show something, [N, SIDE, SIDE, 3]"""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (SIDE, SIDE), axis=(0, 1))
    cut = windows[::STEP, ::STEP].transpose(0, 1, 3, 4, 2)
    patches = cut.reshape(-1, SIDE, SIDE, 3)
    return patches[patches.std((1, 2)).max(-1) >= CONTRAST]
