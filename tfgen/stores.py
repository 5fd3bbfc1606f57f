"""Runs in a store: `gs://bucket/run`, or any other address that TensorFlow's files have.

An object store has no folders that are renamed, no locks and no appending, and NumPy, Pillow, HDF5
and Keras want files. So a process works in a folder of its own, as with any run, and the store
holds what was given to it last. What takes the place of

    a rename   one object at a time appears under its name, when all of it has arrived. They are
               given in an order in which whoever stops in between leaves a run that goes on:
               config.json first, the index of a checkpoint after all else, the card last; what is
               removed stays until then, but for a card that is no longer true
    a lock     who begins to train writes its name into the store, and looks for it before it gives
               anything: the last who came has the run, and an earlier one ends
    appending  log.csv is given whole, with each checkpoint

This is the only room that speaks with a store.
"""

import contextlib
import functools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfgen import addresses, startup
from tfgen.errors import UserError, without_ops
from tfgen.files import UNFINISHED

CONFIG, CARD = "config.json", "card.md"
FOR_TRAINING = ("checkpoints", "tensorboard")  # what nobody else reads
OWNER = ".owner"

Stamp = tuple[int, int]  # bytes and time of a file


def of(path: str | os.PathLike) -> "Store | None":
    """The store that an address or its folder here means; None for any other folder.

    An address is looked at anew: what others have given is here then, but for `FOR_TRAINING`.

    Raises: UserError for a store that TensorFlow does not know; OSError for one out of reach.
    """
    if not addresses.is_one(path):
        return next((s for s in _opened.values() if s.folder == Path(path)), None)
    address = addresses.text_of(path).rstrip("/")
    if address not in _opened:
        _opened[address] = Store(address)
    _opened[address].fetch()
    return _opened[address]


class Store:
    """A run in a store, and the folder of this process that is a copy of it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._kept = tempfile.TemporaryDirectory(prefix="tfgen-")  # goes with the process
        self.folder = Path(self._kept.name) / address.replace("://", "/")
        self.known: dict[str, tuple[Stamp, Stamp]] = {}  # {file: (as it is here, as it is there)}
        self.name = ""  # of this process, while it trains

    def fetch(self, *, training: bool = False) -> None:
        """Brings here what has changed there. Of a folder that is no run nothing is brought.

        training: with what only a training reads.
        """
        files = _files()
        with _named(self.address):
            if not files.exists(self._there(CONFIG)):
                self._forget()
                return
            found = dict(self._listed(training))
            for name in [n for n in self.known if n not in found and _wanted(n, training)]:
                (self.folder / name).unlink(missing_ok=True)
                del self.known[name]
            for name, stamp in found.items():
                if name not in self.known or self.known[name][1] != stamp:
                    here = self.folder / name
                    here.parent.mkdir(parents=True, exist_ok=True)
                    files.copy(self._there(name), str(here), overwrite=True)
                    self.known[name] = (_stamp(here), stamp)

    def holds_another_thing(self) -> bool:
        """Whether something lies there that is no run."""
        with _named(self.address):
            there = _files().exists(self._there(CONFIG))
            return not there and any(True for _ in self._listed(training=True))

    def give(self) -> None:
        """Brings the store to what is here, in the order that the module's docstring says.

        Raises: UserError where another process has the run by now; OSError for a store out of
          reach.
        """
        if self.name and self.read(OWNER) != self.name:
            raise UserError(
                f"the run in {self.address} is another process' by now, which has begun to train "
                "it after this one; or it was taken away. What this one did since its last "
                "checkpoint is lost."
            )
        here = dict(self._found())
        gone = [name for name in self.known if name not in here]
        late = [name for name in gone if name == CONFIG or name.startswith("checkpoints/")]
        with _named(self.address):
            self._remove([name for name in gone if name not in late])
            for name in sorted(here, key=_rank):
                if name not in self.known or self.known[name][0] != here[name]:
                    self._copy(name)
            self._remove(sorted(late, key=_rank, reverse=True))

    def claim(self) -> None:
        """This process trains the run from now on; see `give`. Brings all of it here."""
        self.name = f"{socket.gethostname()} {os.getpid()} {os.urandom(8).hex()}"
        self.write(OWNER, self.name)
        with _named(self.address):
            for name in _files().listdir(self.address):
                if name.startswith(UNFINISHED):
                    _files().remove(self._there(name))
        self.fetch(training=True)

    def leave(self) -> None:
        """Takes back `claim`."""
        self.name = ""
        self.remove(OWNER)

    # --- marks beside the run, which are not copied -----------------------------------------------

    def write(self, name: str, text: str = "") -> None:
        with (
            _named(self.address),
            self._beside(name) as beside,
            _files().GFile(beside, "w") as file,
        ):
            file.write(text)

    def read(self, name: str) -> str | None:
        """None where there is no such file."""
        with _named(self.address):
            if not _files().exists(self._there(name)):
                return None
            with _files().GFile(self._there(name)) as file:
                return str(file.read())

    def remove(self, name: str) -> None:
        with _named(self.address):
            if _files().exists(self._there(name)):
                _files().remove(self._there(name))

    # ----------------------------------------------------------------------------------------------

    def _there(self, name: str) -> str:
        return f"{self.address}/{name}"

    def _listed(self, training: bool) -> Iterator[tuple[str, Stamp]]:
        """(file, its stamp) there."""
        for folder, below, names in _files().walk(self.address):
            inner = folder.rstrip("/").removeprefix(self.address).strip("/")
            below[:] = [name for name in below if _wanted(name, training)]
            for name in names:
                path = f"{inner}/{name}".lstrip("/")
                if not _hidden(path) and _wanted(path, training):
                    yield path, _stamp_there(self._there(path))

    def _found(self) -> Iterator[tuple[str, Stamp]]:
        """The same here."""
        for file in self.folder.rglob("*"):
            name = file.relative_to(self.folder).as_posix()
            if file.is_file() and not _hidden(name):
                yield name, _stamp(file)

    def _copy(self, name: str) -> None:
        stamp = _stamp(self.folder / name)
        with self._beside(name) as beside:
            _files().copy(str(self.folder / name), beside)
        self.known[name] = (stamp, _stamp_there(self._there(name)))

    @contextlib.contextmanager
    def _beside(self, name: str) -> Iterator[str]:
        """An address to write, which takes the place of `name` when the block ends well.

        Not every file system that TensorFlow has makes a file whole or not at all, or forgets the
        old one where a new one is written (`ram://`).
        """
        there, beside = self._there(name), self._there(f"{UNFINISHED}{os.urandom(8).hex()}")
        _files().makedirs(there.rpartition("/")[0])
        yield beside
        _files().rename(beside, there, overwrite=True)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self.remove(name)
            del self.known[name]

    def _forget(self) -> None:
        """What was there is there no more; what was never given stays."""
        if self.known:
            shutil.rmtree(self.folder)
            self.known.clear()


_opened: dict[str, Store] = {}


def _rank(name: str) -> tuple[int, str]:
    """What is given before what."""
    index = name.startswith("checkpoints/") and name.endswith(".index")
    return (0 if name == CONFIG else 3 if name == CARD else 2 if index else 1), name


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _wanted(name: str, training: bool) -> bool:
    return training or name.partition("/")[0] not in FOR_TRAINING


def _stamp(file: Path) -> Stamp:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _stamp_there(address: str) -> Stamp:
    found = _files().stat(address)
    return int(found.length), int(found.mtime_nsec)


@functools.cache
def _files() -> Any:
    with startup.loading_tensorflow():
        import tensorflow as tf
    return tf.io.gfile


@contextlib.contextmanager
def _named(address: str) -> Iterator[None]:
    """An error of TensorFlow's as one of the disk, with the address."""
    _files()
    from tensorflow import errors

    try:
        yield
    except errors.UnimplementedError:
        raise UserError(
            f"{address} is the address of a store, and TensorFlow reads gs:// alone: "
            f"{addresses.MOUNT}."
        ) from None
    except errors.OpError as error:
        said = without_ops(error.message).strip().splitlines()[0]
        raise OSError(
            f"{address} cannot be read or written: {said}. What it holds is whole: the same "
            "command continues."
        ) from None
