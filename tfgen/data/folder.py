"""A folder of images as a data set.

    pictures/*.png                          one split, "train"
    pictures/cat/*.png, pictures/dog/*.png  the same, with labels: the folders' names
    pictures/train/..., pictures/test/...   splits of their own ("train", "validation", "test")
    pictures/trainA/..., pictures/trainB/...  splits of two domains (`domains.py`)

Captions, for models that want them, stand in NAME.txt beside NAME.jpg, or in metadata.jsonl or
metadata.csv (`folder_captions.py`).

Files are ordered by a hash of their names, so that train[:90%] mixes the classes and a file keeps
its place when others come. All are opened once, before training begins: a broken or odd one is
named then, not in the tenth hour.
"""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data.folder_captions import FolderCaptions
from tfgen.data.source import ImageData, Source, square
from tfgen.errors import UserError

if TYPE_CHECKING:
    import os

    import tensorflow as tf


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MOST_CAPTIONS = 100  # of one picture: all are padded to as many
SPLITS = ("train", "validation", "test")
PAIRED = tuple(split + letter for split in SPLITS for letter in "AB")


class FolderSource(Source):
    """Images below `root`; kept in memory as uint8 once read."""

    labels = "names"

    def __init__(self, root: Path, size: int) -> None:
        import tensorflow_datasets as tfds

        if not root.is_dir():
            raise UserError(f"there is no folder {root}: `data.name` wants a folder of images.")
        self.size = size
        roots = {"train": root}
        for splits in (SPLITS, PAIRED):
            if (root / splits[0]).is_dir():
                roots = {s: root / s for s in splits}
        self.files = {s: _files(r) for s, r in roots.items() if r.is_dir()}
        if not any(self.files.values()):
            raise UserError(f"the folder {root} holds no image ({', '.join(SUFFIXES)}).")
        self.captions = FolderCaptions(root, [f for files in self.files.values() for f in files])
        parents = {f.parent.relative_to(roots[s]) for s, files in self.files.items() for f in files}
        # Labels only where every image lies in a folder of its class.
        labelled = all(len(parent.parts) == 1 for parent in parents)
        # One folder for all is no class, but where the pictures lie.
        labelled = labelled and len({parent.name for parent in parents}) > 1
        self.classes = tuple(sorted(p.name for p in parents)) if labelled else ()
        infos = [
            tfds.core.SplitInfo(name=s, shard_lengths=[len(files)], num_bytes=0)
            for s, files in self.files.items()
        ]
        super().__init__(str(root), tfds.core.splits.SplitDict(infos))

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        """The split as `ImageData`; of extra features a folder may have "caption".

        Raises: UserError for a broken image, mixed sizes, or captions that cannot be used.
        """
        import tensorflow as tf

        parts = self.instructions(split)
        files = [f for s, start, stop in parts for f in self.files[s][start:stop]]
        images = _read(tuple(files), self.size)
        data: dict[str, Any] = {"image": images}
        if self.classes:
            labels = [self.classes.index(f.parent.name) for f in files]
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

        def examples() -> "tf.data.Dataset":
            with tf.init_scope():  # held once, not as a constant of a graph: those end at 2 GB
                return tf.data.Dataset.from_tensor_slices(data)

        return ImageData(
            self.name,
            split,
            len(files),
            images.shape[1:],
            256,
            self.classes,
            parts,
            examples,
            fingerprint=_fingerprint(self.name, files, images),
        )


def _fingerprint(root: str, files: Sequence[Path], images: np.ndarray) -> str:
    """Of the files' names below the root, and of what is read from them."""
    digest = hashlib.sha256("\n".join(str(f.relative_to(root)) for f in files).encode())
    digest.update(images.data)
    return digest.hexdigest()[:16]


def _files(root: Path) -> list[Path]:
    found = [f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file()]
    return sorted(found, key=lambda f: hashlib.sha256(str(f.relative_to(root)).encode()).digest())


@functools.lru_cache(maxsize=2)
def _read(files: Sequence[Path], size: int) -> np.ndarray:
    """All images: uint8 [N, H, W, C], C = 1 if all are grey, else 3."""
    from PIL import Image, UnidentifiedImageError

    modes, images = set(), []
    for file in files:
        try:
            with Image.open(file) as opened:
                grey = opened.mode in ("1", "L", "I", "I;16", "F", "LA")
                modes.add("L" if grey else "RGB")
                images.append(np.asarray(opened.convert("L" if grey else "RGB")))
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise UserError(
                f"cannot read the image {file}: {error}. Mend it or take it out of the folder."
            ) from None
    if len(modes) == 2:
        images = [np.repeat(i[..., None], 3, -1) if i.ndim == 2 else i for i in images]
    elif modes == {"L"}:
        images = [i[..., None] for i in images]
    if size:
        images = [square(i, size, 256).numpy() for i in images]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            (h0, w0), (h, w) = images[0].shape[:2], image.shape[:2]
            raise UserError(
                f"the images differ in size: {files[0]} is {h0}x{w0} and {file} is {h}x{w}. "
                "Set `data.size`, e.g. `data.size=64`, to crop and resize them."
            )
    return np.stack(images)


def read_pictures(
    folder: "str | os.PathLike", image_shape: Sequence[int]
) -> tuple[list[Path], np.ndarray]:
    """(paths within the folder, images float32 [N, H, W, C] in [0, 1]) of the shape (H, W, C).

    Each is cropped to the shape and resized. The path may be that of one picture too.

    Raises: UserError for a folder without images, or with one that cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    root = Path(folder).expanduser()
    if not root.exists():
        raise UserError(f"there is no folder {root}.")
    files = sorted(f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES)
    if root.is_file():
        files, root = [root], root.parent
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
