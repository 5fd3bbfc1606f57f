"""Files that are whole or not there: each is written beside its place and renamed."""

import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfgen import addresses
from tfgen.errors import UserError

FOLDERS = "this is written to a folder"  # with renames, which a store has not
UNFINISHED = ".writing-"  # how the names of files begin that are not whole yet


@contextmanager
def atomic(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path of the same suffix; renamed to `path` when the block ends well."""
    addresses.refuse(path, FOLDERS)
    path = Path(path)
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix is kept: Keras and Pillow choose the format by it.
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        try:
            yield Path(name)
            with open(name, "rb+") as written:  # Windows flushes what can be written alone
                os.fsync(written.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)


@contextmanager
def folder(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder; when the block ends well, it takes the place of `path`."""
    addresses.refuse(path, FOLDERS)
    path = Path(path).resolve()
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as beside:
            new = Path(beside) / "new"
            new.mkdir()
            yield new
            _take_place(new, path, Path(beside) / "old")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error of the disk names the path, and neither nothing nor the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno and (not error.filename or UNFINISHED in str(error.filename)):
            error.filename = str(path)
        raise


def _take_place(new: Path, path: Path, old: Path) -> None:
    """Renames `new` to `path`, and what was there to `old`; back again where that fails."""
    if path.exists():
        os.rename(path, old)
    try:
        os.rename(new, path)
    except OSError:
        if old.exists() and not path.exists():
            os.rename(old, path)
        raise


def empty_folder(path: str | os.PathLike) -> Path:
    """A folder to write, which there is not yet or nothing is in.

    Raises: UserError if there is something in it.
    """
    addresses.refuse(path, FOLDERS)
    path = Path(path).expanduser()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"`out={path}` is not an empty folder: choose another.")
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache() -> Path:
    """The folder of what can be computed again: $XDG_CACHE_HOME/tfgen, or ~/.cache/tfgen."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfgen"


def write_text(path: str | os.PathLike, text: str) -> None:
    """Text as UTF-8, whatever the locale says."""
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")


# What TensorFlow reads in a path as a pattern, or as the end of a path in a list of several.
PATTERNS = set("*?[]{}\\,")


def plain(folder: Path) -> Path:
    """A path to the same folder without characters that TensorFlow reads as a pattern.

    Where there are such, a link in a temporary folder, which goes with the process.
    """
    return _linked(folder.resolve()) if PATTERNS & set(folder.resolve().as_posix()) else folder


@functools.cache
def _linked(folder: Path) -> Path:
    link = Path(_links().name) / str(_linked.cache_info().misses)
    link.symlink_to(folder, target_is_directory=True)
    return link


@functools.cache
def _links() -> tempfile.TemporaryDirectory:
    """Removed, links alone, when the process ends."""
    return tempfile.TemporaryDirectory(prefix="tfgen-")
