"""`emoji_styles`: emoji as two designers drew them, unpaired, whose true translation is known.

Domain X has pictures of Noto Color Emoji (`emoji.py`), domain Y those of *other* code points by
Twemoji (https://github.com/jdecked/twemoji; its graphics are CC BY 4.0, which asks that the authors
be named, Twitter and other contributors). The feature `truth` is the same emoji in the other style;
training does not ask for it.

Twemoji's pictures are drawn once, by `python -m train.twemoji`, and kept where TFDS keeps its data:

    DATA/tfgen_twemoji/1f600.png ...    RGBA [128, 128], by the code point in hexadecimal

A code point belongs to the split that it has in `emoji`, and by a further hash to A (X) or B (Y).
"""

import base64
import hashlib
import importlib.metadata
import io
import re
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfgen import files
from tfgen.data import emoji, packaged
from tfgen.data.fitting import Fitting
from tfgen.data.picture import read
from tfgen.data.prepared import data_folder
from tfgen.errors import UserError

SIDE = 128
URL = "https://registry.npmjs.org/@twemoji/svg/-/svg-15.0.0.tgz"
SHA512 = "ZSPef2B6nBaYnfgdTbAy4jgW95o7pi2xPGwGCU+WMTxo7J6B1lMPTWwSq/wTuiMq+N0khQ90CcvYp1wFoQpo/w=="
DRAW = "`python -m train.twemoji` draws them once"
RASTERISER = "resvg-py"
ABOUT = """Twemoji {version}, {url}
Graphics: Copyright Twitter, Inc and other contributors, CC BY 4.0,
https://creativecommons.org/licenses/by/4.0/. Drawn as {side} x {side} pixels by {rasteriser}.
"""


def source(fitting: Fitting, directory: str = "") -> packaged.Packaged:
    """Splits of A and of B.  Raises: UserError where font or pictures are missing."""
    folder = _folder(directory)
    if not folder.is_dir():
        raise UserError(
            f"the data set 'emoji_styles' wants the pictures of Twemoji in {folder}: {DRAW}."
        )
    font, fit = emoji.font(), packaged.fitter(fitting)
    points = [p for p in emoji.points(font) if (folder / f"{p:x}.png").exists()]
    classes = emoji.blocks(points)
    rows = []
    for point in sorted(points, key=emoji.place):
        styles = (
            fit(emoji.picture(font, point, fitting.colour())),
            fit(_coloured(read(folder / f"{point:x}.png", fitting.background))),
        )
        letter = int(emoji.place(point) * 2**20) % 2
        example = {
            "image": styles[letter],
            "truth": styles[1 - letter],
            "label": np.int32(classes.index(emoji.block(point))),
            "caption": emoji.name_of(point),
        }
        rows.append((packaged.split_of(emoji.place(point)) + "AB"[letter], example))
    return packaged.Packaged("emoji_styles", packaged.parts_of(rows), classes)


def _folder(directory: str) -> Path:
    return data_folder(directory) / "tfgen_twemoji"


def _coloured(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=2)


# --- drawing Twemoji ------------------------------------------------------------------------------


def draw(directory: str = "", svg: str = "") -> tuple[Path, int]:
    """Draws Twemoji's pictures of one code point. -> (the folder, how many).

    Args:
      directory: where TFDS keeps its data; "": its default.
      svg: a folder of 1f600.svg ...; "": those of `URL`, which wants the network.

    Raises: UserError without rasteriser, pictures or network.
    """
    render, rasteriser = _rasteriser()
    drawings = _of_folder(Path(svg).expanduser()) if svg else _downloaded()
    folder = _folder(directory)
    with files.folder(folder) as new:
        for name, drawing in drawings.items():
            (new / f"{name}.png").write_bytes(render(drawing))
        version = "from a folder of SVG" if svg else Path(URL).stem.removeprefix("svg-")
        about = {"version": version, "url": svg or URL, "side": SIDE, "rasteriser": rasteriser}
        (new / "README").write_text(ABOUT.format(**about), "utf-8")
    return folder, len(drawings)


def _rasteriser() -> tuple[Callable[[str], bytes], str]:
    """(SVG -> PNG of SIDE x SIDE, its name and version)."""
    try:
        resvg_py = importlib.import_module("resvg_py")
    except ImportError:
        raise UserError(
            f"Twemoji's pictures are SVG, drawn by {RASTERISER}: `pip install {RASTERISER}`."
        ) from None

    def render(drawing: str) -> bytes:
        return bytes(resvg_py.svg_to_bytes(svg_string=drawing, width=SIDE, height=SIDE))

    return render, f"{RASTERISER} {importlib.metadata.version(RASTERISER)}"


def _of_folder(folder: Path) -> dict[str, str]:
    """{code point: SVG}, of the files of one code point."""
    found = {
        file.stem: file.read_text("utf-8")
        for file in sorted(folder.glob("*.svg"))
        if re.fullmatch("[0-9a-f]+", file.stem)
    }
    if not found:
        raise UserError(f"{folder} holds no SVG of a code point, as 1f600.svg.")
    return found


def _downloaded() -> dict[str, str]:
    """The same, from npm's archive."""
    try:
        with urllib.request.urlopen(URL, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise UserError(
            f"{URL} cannot be reached: {error}. Where it can, unpack it, and give its folder of "
            "SVG files by `svg`."
        ) from None
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != SHA512:
        raise UserError(f"what {URL} gives is not what it was: its SHA-512 differs.")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive.getmembers():
            name = re.fullmatch(r"package/([0-9a-f]+)\.svg", member.name)
            drawing = archive.extractfile(member) if name else None
            if name and drawing:
                found[name[1]] = drawing.read().decode()
    return found
