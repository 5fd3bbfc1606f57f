"""A folder of images as a data set.

    pictures/*.png                          one split, "train"
    pictures/cat/*.png, pictures/dog/*.png  the same, with labels: the folders' names
    pictures/train/..., pictures/test/...   splits of their own ("train", "validation", "test")
    pictures/trainA/..., pictures/trainB/...  splits of two domains (`domains.py`)

Captions, for models that want them, stand in NAME.txt beside NAME.jpg, or in metadata.jsonl or
metadata.csv (`folder_captions.py`).

Folders of splits go by other names too ("Training", "val", "testing": `listing.py`), and pictures
are read as a viewer shows them (`picture.py`). Files are ordered by a hash of their names, so that
train[:90%] mixes the classes and a file keeps its place when others come. All are read once, before
training begins (`folder_cache.py`): a broken or odd one is named then, not in the tenth hour.
"""

import functools
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen.data.fitting import Fitting
from tfgen.data.folder_cache import Pictures
from tfgen.data.folder_captions import FolderCaptions
from tfgen.data.listing import in_order, listed, pictures
from tfgen.data.picture import SUFFIXES, Levels, read_all
from tfgen.data.rows import Rows
from tfgen.data.source import ImageData, Source, splits_of
from tfgen.errors import Notice, UserError

MOST_CAPTIONS = 100  # of one picture: all are padded to as many


class FolderSource(Source):
    """Images below `root`; `directory` is where TFDS keeps its data, and what is read of them.

    What of the folder is left out, or unusual, a `Notice` says.
    """

    labels = "names"

    def __init__(self, root: Path, fitting: Fitting, directory: str = "") -> None:
        if not root.is_dir():
            fault = f"{root} is a file" if root.exists() else f"there is no folder {root}"
            raise UserError(f"{fault}: `data.name` wants a folder of images.")
        self.root, self.fitting, self.directory = root, fitting, directory
        found = listed(root)
        self.files, self.class_of = found.files, found.classes
        if not any(self.files.values()):
            notes = "".join(f" {note}" for note in found.notes)
            raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).{notes}")
        _tell(root, found.notes)
        self.all = found.all_files()
        self.captions = FolderCaptions(root, self.all)
        self.classes = in_order(set(self.class_of.values()))
        counts = {split: len(files) for split, files in self.files.items()}
        ends = np.cumsum([0, *counts.values()]).tolist()
        self.first = dict(zip(counts, ends, strict=False))  # {split: its first row of all}
        super().__init__(str(root), splits_of(counts))

    @functools.cached_property
    def _pictures(self) -> Pictures:
        return Pictures(self.root, self.all, self.fitting, self.directory)

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """The split as `ImageData`; of extra features a folder may have "caption".

        All pictures of the folder are read, or found as they were read before.

        Raises: UserError for a broken image, mixed sizes, or captions that cannot be used.
        """
        parts = self.instructions(split)
        rows = [(self.first[s] + start, self.first[s] + stop) for s, start, stop in parts]
        files = [file for start, stop in rows for file in self.all[start:stop]]
        pieces = [self._pictures.images[start:stop] for start, stop in rows]
        images = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        data: dict[str, Any] = {"image": images}
        if self.classes:
            number = {name: i for i, name in enumerate(self.classes)}
            data["label"] = np.array([number[self.class_of[f]] for f in files], np.int32)
        if "caption" in extra:
            data |= self._captions(files)
        return ImageData(
            self.name,
            split,
            len(files),
            images.shape[1:],
            256,
            self.classes,
            parts,
            Rows(data),
            fingerprint=self._pictures.fingerprint(rows),
        )

    def _captions(self, files: Sequence[Path]) -> dict[str, Any]:
        """{"caption"} of each picture, with {"captions"} where one has several; {} without any."""
        texts = self.captions.of(files)
        if not texts:
            return {}
        most = max(map(len, texts))
        if most > MOST_CAPTIONS:
            file = files[[len(one) for one in texts].index(most)]
            raise UserError(
                f"{file} has {most} captions, and {MOST_CAPTIONS} are read at most: is its "
                "text one caption a line?"
            )
        found: dict[str, Any] = {"caption": [one[0] for one in texts]}
        if most > 1:
            found["captions"] = [one + [""] * (most - len(one)) for one in texts]
        return found


def _tell(root: Path, notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(f"{root}: {note}", Notice, stacklevel=3)


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
    levels = Levels(files)
    images = [
        np.asarray(fitting.fit(np.atleast_3d(found)), np.float32) / 255.0
        for found in map(levels, read_all(files, fitting.background))
    ]
    return [f.relative_to(root) for f in files], np.stack(images)
