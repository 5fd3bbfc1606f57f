"""What names a store, `gs://bucket/run`, where others name a folder: a run alone may be in one."""

import os
import re

from tfgen.errors import UserError

# `pathlib` makes one slash of two, and of three, which are another address.
ADDRESS = re.compile(r"(\w{2,}):/(?P<second>/?)")
FROM_FOLDERS = "pictures are read from a folder"
MOUNT = (
    "mount the store (Cloud Storage FUSE, Mountpoint for Amazon S3) and give the folder that it is "
    "mounted at"
)


def is_one(path: str | os.PathLike) -> bool:
    """Whether it is the address of a store, also one that `pathlib` has taken a slash from."""
    return bool(ADDRESS.match(os.fspath(path)))


def text_of(path: str | os.PathLike) -> str:
    """The address as it was given.

    Raises: UserError for one that `pathlib` has changed.
    """
    text = os.fspath(path)
    found = ADDRESS.match(text)
    if found and not found["second"]:
        raise UserError(
            f"{text} was the address of a store before it was a Path, which joins slashes: give it "
            "as a string."
        )
    return text


def refuse(path: str | os.PathLike, what: str) -> None:
    """Raises: UserError for an address where only a folder or a file will do.

    what: that is to be there, a clause, as in "pictures are read from a folder".
    """
    if is_one(path):
        raise UserError(
            f"{os.fspath(path)} is the address of a store, and {what}: {MOUNT}. A store takes the "
            "directory of a run, `workdir`, alone."
        )
