"""The pictures of a folder as one array on the disk, read once and mapped from then on.

    DATA/tfgen_folders/NAME-KEY/STATE.npy    uint8 [N, H, W, C], a row a picture, as `np.load` reads
    DATA/tfgen_folders/NAME-KEY/STATE.json   fingerprints of its splits

DATA is where TFDS keeps its data. KEY is of the folder's path and what is done to its pictures,
STATE of all names, sizes and times of change: a folder that changed is read again, and what was
prepared of it before goes. Pictures are resized as they are read, so that as few are held at their
full size as threads read them.
"""

import collections
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from tfgen import files, progress
from tfgen.data.fitting import Fitting
from tfgen.data.picture import Levels, read
from tfgen.data.prepared import data_folder
from tfgen.errors import Notice, UserError

READER = 1  # another one, and folders are read again
LEAST = 2**24  # bytes of a folder's files from which on its array is kept: fewer take a second
HEAD = 128  # bytes of an .npy before its numbers


class Pictures:
    """All pictures of a folder, fitted: `images`, uint8 [N, H, W, C], C = 1 where all are grey.

    Args:
      root: the folder; paths: its pictures, in the order of the rows.
      fitting: what is done to each; directory: where TFDS keeps its data.

    Raises: UserError for a picture that cannot be read, and for mixed sizes.
    """

    def __init__(self, root: Path, paths: Sequence[Path], fitting: Fitting, directory: str) -> None:
        self.names = [os.fsencode(path)[len(os.fsencode(root)) + 1 :] for path in paths]
        self.file: Path | None = None
        state, size = _state(self.names, paths)
        if size < LEAST:
            self.images = _read_aside(paths, fitting)
            return
        file = _place(root, fitting, directory) / f"{state}.npy"
        try:
            self.images = _mapped(file)
            self.file = file
        except (OSError, ValueError):
            self._prepare(file, paths, fitting)

    def _prepare(self, file: Path, paths: Sequence[Path], fitting: Fitting) -> None:
        try:
            with files.atomic(file) as temporary, open(temporary, "r+b") as target:
                _write(target, paths, fitting)
        except OSError as error:
            warnings.warn(
                f"what is read from the folder cannot be kept in {file.parent}, and is read again "
                f"by the next command: {error.strerror}. `data.directory` names another place.",
                Notice,
                stacklevel=4,
            )
            self.images = _read_aside(paths, fitting)
            return
        for other in file.parent.iterdir():
            # What is unfinished another process is writing.
            if other.stem != file.stem and not other.name.startswith(files.UNFINISHED):
                other.unlink(missing_ok=True)
        self.images, self.file = _mapped(file), file

    def fingerprint(self, parts: Sequence[tuple[int, int]]) -> str:
        """Of the names and the pixels of rows from .. to, part after part."""
        key, notes = json.dumps(parts), self.file and self.file.with_suffix(".json")
        known = _known(notes)
        if key not in known:
            names = b"\n".join(name for start, stop in parts for name in self.names[start:stop])
            digest = hashlib.sha256(names)
            for start, stop in parts:
                digest.update(self.images[start:stop].data)
            known[key] = digest.hexdigest()[:16]
            if notes:
                files.write_text(notes, json.dumps(known))
        return known[key]


def _known(notes: Path | None) -> dict[str, str]:
    try:
        return json.loads(notes.read_bytes()) if notes else {}
    except (OSError, ValueError):
        return {}


def _state(names: Sequence[bytes], paths: Sequence[Path]) -> tuple[str, int]:
    """(a hash of the names, sizes and times of change of files, their bytes together)."""
    digest, size = hashlib.sha256(str(READER).encode()), 0
    for name, path in zip(names, paths, strict=True):
        found = os.stat(path)
        digest.update(b"%s\0%d\0%d\n" % (name, found.st_size, found.st_mtime_ns))
        size += found.st_size
    return digest.hexdigest()[:16], size


def _place(root: Path, fitting: Fitting, directory: str) -> Path:
    key = hashlib.sha256(os.fsencode(f"{root.resolve()}\n{fitting}")).hexdigest()[:8]
    return data_folder(directory) / "tfgen_folders" / f"{root.resolve().name}-{key}"


def _mapped(file: Path) -> np.ndarray:
    return np.asarray(np.load(file, mmap_mode="r"))


def _read_aside(paths: Sequence[Path], fitting: Fitting) -> np.ndarray:
    """The array in a file without a name, which goes with the process."""
    with tempfile.TemporaryFile() as target:
        shape = _write(target, paths, fitting)
        return np.asarray(np.memmap(target, np.uint8, "r", HEAD, shape))


# --- reading --------------------------------------------------------------------------------------


def _write(target: IO[bytes], paths: Sequence[Path], fitting: Fitting) -> tuple[int, ...]:
    """Reads all pictures into an .npy of them, and returns its shape."""
    shape: tuple[int, ...] = ()
    target.seek(HEAD)
    with progress.counted(len(paths), "pictures") as done, _fitted(paths, fitting) as images:
        for count, (path, image) in enumerate(zip(paths, images, strict=True), 1):
            if not shape:
                shape = image.shape
            if image.shape[:2] != shape[:2]:
                raise UserError(
                    f"the images differ in size: {paths[0]} is {shape[0]}x{shape[1]} and {path} is "
                    f"{image.shape[0]}x{image.shape[1]}. Set `data.size`, e.g. `data.size=64`, to "
                    "crop and resize them."
                )
            if image.shape[2] > shape[2]:
                _coloured(target, count - 1, shape[0] * shape[1])
                shape = image.shape
            elif image.shape[2] < shape[2]:
                image = image.repeat(shape[2], axis=2)
            target.write(np.ascontiguousarray(image).data)
            done(count)
    whole = (len(paths), *shape)
    target.seek(0)
    about = {"descr": "|u1", "fortran_order": False, "shape": whole}
    np.lib.format.write_array_header_1_0(target, about)
    assert target.tell() == HEAD
    target.flush()
    return whole


def _coloured(target: IO[bytes], count: int, size: int) -> None:
    """Makes `count` grey pictures of `size` bytes each three equal channels, where they stand."""
    step = max(1, 2**24 // size)
    # From the last one on: none is written over that is still to be read.
    for start in reversed(range(0, count, step)):
        target.seek(HEAD + start * size)
        grey = np.frombuffer(target.read(min(step, count - start) * size), np.uint8)
        target.seek(HEAD + 3 * start * size)
        target.write(grey.repeat(3).data)
    target.seek(HEAD + 3 * count * size)


@contextmanager
def _fitted(paths: Sequence[Path], fitting: Fitting) -> Iterator[Iterator[np.ndarray]]:
    """Each picture as uint8 [H, W, C], in their order; a few are read at once."""
    import tensorflow as tf
    from PIL import Image

    levels = Levels(paths)
    fit = {
        channels: tf.function(
            fitting.fit,
            input_signature=[tf.TensorSpec([None, None, channels], tf.uint8)],
            autograph=False,
        )
        for channels in (1, 3)
    }
    # Twice the size that is wanted leaves the rest to the resizing, which filters better.
    least = 2 * max(fitting.size) if fitting.size else None

    def one(path: Path) -> np.ndarray:
        image = levels(read(path, fitting.background, least))
        image = image[..., None] if image.ndim == 2 else image
        return fit[image.shape[2]](image).numpy() if fitting.changes else image

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        # That a picture is large its own size says; one too large to be meant is an error.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield _in_order(pool, one, paths)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, function: Callable, items: Iterable[Path]
) -> Iterator[np.ndarray]:
    """function(item) of each, a few ahead of what is taken."""
    ahead: collections.deque[Future] = collections.deque()
    for item in items:
        ahead.append(pool.submit(function, item))
        if len(ahead) > 16:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
