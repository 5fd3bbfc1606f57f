"""A folder of images as a data set.

    pictures/*.png                          one split, "train"
    pictures/cat/*.png, pictures/dog/*.png  the same, with labels: the folders' names
    pictures/train/..., pictures/test/...   splits of their own ("train", "validation", "test")
    pictures/trainA/..., pictures/trainB/...  splits of two domains (`domains.py`)

Captions, for models that want them, stand in NAME.txt beside NAME.jpg, or in metadata.jsonl or
metadata.csv (`folder_captions.py`).

Folders of splits go by other names too ("Training", "val", "testing": `listing.py`), and pictures
are read as a viewer shows them (`picture.py`). Files are ordered by a hash of their names, so that
train[:90%] mixes the classes and a file keeps its place when others come. All are opened once,
before training begins: a broken or odd one is named then, not in the tenth hour.
"""

import functools
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import progress
from tfgen.data.fitting import WHITE, Fitting
from tfgen.data.folder_captions import FolderCaptions
from tfgen.data.listing import in_order, listed, pictures
from tfgen.data.picture import SUFFIXES, read_all, span, to_levels
from tfgen.data.source import ImageData, Source, examples_of, splits_of
from tfgen.errors import Notice, UserError

if TYPE_CHECKING:
    pass


MOST_CAPTIONS = 100  # of one picture: all are padded to as many


class FolderSource(Source):
    """Images below `root`; kept in memory as uint8 once read.

    What of the folder is left out, or unusual, a `Notice` says.
    """

    labels = "names"

    def __init__(self, root: Path, fitting: Fitting) -> None:
        if not root.is_dir():
            raise UserError(f"there is no folder {root}: `data.name` wants a folder of images.")
        self.fitting = fitting
        found = listed(root)
        self.files, self.class_of = found.files, found.classes
        if not any(self.files.values()):
            notes = "".join(f" {note}" for note in found.notes)
            raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).{notes}")
        _tell(root, found.notes)
        self.all = tuple(found.all_files())
        self.captions = FolderCaptions(root, list(self.all))
        self.classes = in_order(set(self.class_of.values()))
        counts = {split: len(files) for split, files in self.files.items()}
        super().__init__(str(root), splits_of(counts))

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """The split as `ImageData`; of extra features a folder may have "caption".

        Raises: UserError for a broken image, mixed sizes, or captions that cannot be used.
        """

        parts = self.instructions(split)
        files = [f for s, start, stop in parts for f in self.files[s][start:stop]]
        images = _read(tuple(files), self.fitting, self.all)
        data: dict[str, Any] = {"image": images}
        if self.classes:
            labels = [self.classes.index(self.class_of[f]) for f in files]
            data["label"] = np.array(labels, np.int32)
        texts = self.captions.of(files) if "caption" in extra else None
        if texts:
            most = max(map(len, texts))
            if most > MOST_CAPTIONS:
                file = files[[len(one) for one in texts].index(most)]
                raise UserError(
                    f"{file} has {most} captions, and {MOST_CAPTIONS} are read at most: is its "
                    "text one caption a line?"
                )
            data["caption"] = [one[0] for one in texts]
            if most > 1:
                data["captions"] = [one + [""] * (most - len(one)) for one in texts]

        return ImageData(
            self.name,
            split,
            len(files),
            images.shape[1:],
            256,
            self.classes,
            parts,
            examples_of(data),
            fingerprint=_fingerprint(self.name, files, images),
        )


def _tell(root: Path, notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(f"{root}: {note}", Notice, stacklevel=3)


def _fingerprint(root: str, files: Sequence[Path], images: np.ndarray) -> str:
    """Of the files' names below the root, and of what is read from them."""
    digest = hashlib.sha256(os.fsencode("\n".join(str(f.relative_to(root)) for f in files)))
    digest.update(images.data)
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=2)
def _read(files: tuple[Path, ...], fitting: Fitting, folder: tuple[Path, ...]) -> np.ndarray:
    """All images: uint8 [N, H, W, C], C = 1 if all are grey, else 3; `folder` are all its files."""
    images = []
    with progress.counted(len(files), "pictures") as done:
        for image in _levels(files, folder, fitting.background):
            image = image[..., None] if image.ndim == 2 else image
            images.append(np.asarray(fitting.fit(image)))
            done(len(images))
    if len({image.shape[-1] for image in images}) == 2:
        images = [np.repeat(i, 3, -1) if i.shape[-1] == 1 else i for i in images]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            (h0, w0), (h, w) = images[0].shape[:2], image.shape[:2]
            raise UserError(
                f"the images differ in size: {files[0]} is {h0}x{w0} and {file} is {h}x{w}. "
                "Set `data.size`, e.g. `data.size=64`, to crop and resize them."
            )
    return np.stack(images)


def _levels(
    files: Sequence[Path], folder: tuple[Path, ...], background: str = WHITE
) -> Iterator[np.ndarray]:
    """Each file as uint8 [H, W] or [H, W, 3]; all of `folder` share one range of greys."""
    for image in read_all(files, background):
        yield image if image.dtype == np.uint8 else to_levels(image, _span(folder))


@functools.lru_cache(maxsize=2)
def _span(folder: tuple[Path, ...]) -> tuple[float, float]:
    """The limits of deep greys in a folder, which a `Notice` says."""
    low, high = span(folder)
    warnings.warn(
        f"greys of more than 8 bits: {low:g} becomes black and {high:g} white.",
        Notice,
        stacklevel=2,
    )
    return low, high


def read_pictures(folder: "str | os.PathLike", fitting: Fitting) -> tuple[list[Path], np.ndarray]:
    """(paths within the folder, images float32 [N, H, W, C] in [0, 1]), fitted each.

    fitting: of a size and a number of channels. The path may be that of one picture too.

    Raises: UserError for a folder without images, or with one that cannot be read.
    """
    root = Path(folder).expanduser()
    if not root.exists():
        raise UserError(f"there is no folder {root}.")
    if root.is_file():
        files, root = [root], root.parent
    else:
        files, notes = pictures(root)
        _tell(root, notes)
    if not files:
        raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).")
    images = [
        np.asarray(fitting.fit(np.atleast_3d(found)), np.float32) / 255.0
        for found in _levels(files, tuple(files), fitting.background)
    ]
    return [f.relative_to(root) for f in files], np.stack(images)
