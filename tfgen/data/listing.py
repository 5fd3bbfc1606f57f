"""Which pictures of a folder belong to which split and class, and what of it is left out.

People's folders come from browsers, archives, notebooks and other machines: they hold hidden
folders, links, a stray picture, splits by other names. What is clear is taken as it is meant, and
whatever is left out or unusual stands in one line.
"""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from tfgen.data.picture import SUFFIXES
from tfgen.errors import UserError

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
ORDER = ("train", "validation", "test")
PAIRED = tuple(split + letter for split in ORDER for letter in "AB")
# What stands beside pictures and is none; captions are read from some of them.
BESIDE = (".txt", ".json", ".jsonl", ".csv", ".md", ".xml", ".html", ".db", ".ini", ".py", "")
STRAY = 0.1  # a smaller share of pictures beside folders of classes is left out


@dataclasses.dataclass(frozen=True)
class Listing:
    """The pictures of each split, ordered by a hash of their names below the split's folder.

    classes: {picture: its class}, empty where there are none; notes: sentences for the user.
    """

    files: dict[str, list[Path]]
    classes: dict[Path, str]
    notes: tuple[str, ...]

    def all_files(self) -> list[Path]:
        """Of all splits."""
        return [file for files in self.files.values() for file in files]


class _Left:
    """What is left out, by reason, with examples."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = collections.defaultdict(list)

    def add(self, reason: str, name: str) -> None:
        self.found[reason].append(name)

    def note(self) -> str:
        """A sentence, or ""."""
        parts = [f"{_some(names)} ({reason})" for reason, names in self.found.items()]
        return f"Left out: {'; '.join(parts)}." if parts else ""


def _some(names: Iterable[str], most: int = 3) -> str:
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def printable(name: str) -> str:
    """A file's name with a sign in the place of what is no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def listed(root: Path) -> Listing:
    """The pictures below `root`.

    Raises: UserError for two folders of one split, and for a folder that may not be read.
    """
    left = _Left()
    roots = _roots_of_splits(root, left)
    files = {split: _pictures(folder, left) for split, folder in roots.items()}
    classes, note = _classes(files, roots, left)
    if classes:
        files = {split: [f for f in found if f in classes] for split, found in files.items()}
    for split, folder in roots.items():
        files[split].sort(key=lambda file: _place(file, folder))
    return Listing(files, classes, tuple(filter(None, [note, left.note()])))


def pictures(root: Path) -> tuple[list[Path], tuple[str, ...]]:
    """(all pictures below a folder in the order of their names, notes as those of a `Listing`)."""
    left = _Left()
    return sorted(_pictures(root, left)), tuple(filter(None, [left.note()]))


def _place(file: Path, folder: Path) -> bytes:
    return hashlib.sha256(os.fsencode(str(file.relative_to(folder)))).digest()


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(
            f"the folder {printable(str(folder))} cannot be read: {error.strerror}."
        ) from None


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _folders(folder: Path) -> list[Path]:
    return [folder / e.name for e in _entries(folder) if e.is_dir() and not _hidden(e.name)]


def _roots_of_splits(root: Path, left: _Left) -> dict[str, Path]:
    """{split: its folder}; all is "train" where there are no folders of splits."""
    folders = {folder.name: folder for folder in _folders(_above_splits(root))}
    if PAIRED[0] in folders:
        return {name: folders[name] for name in PAIRED if name in folders}
    found: dict[str, Path] = {}
    for name, folder in folders.items():
        split = SPLITS.get(name.lower())
        if split in found:
            raise UserError(
                f"{printable(str(found[split]))} and {printable(str(folder))} are both the split "
                f"{split!r}: take one away, or move its pictures to the other."
            )
        if split:
            found[split] = folder
    if "train" not in found:
        return {"train": root}
    for name, folder in folders.items():
        if folder not in found.values():
            left.add("no split", name)
    return {split: found[split] for split in ORDER if split in found}


def _above_splits(root: Path) -> Path:
    """`root`, or the folder below it that holds those of splits, with nothing beside on the way."""
    folder, seen = root, set[str]()
    while os.path.realpath(folder) not in seen:
        seen.add(os.path.realpath(folder))
        inner = _folders(folder)
        if any(SPLITS.get(f.name.lower()) == "train" or f.name == PAIRED[0] for f in inner):
            return folder
        if len(inner) == 1:
            folder = inner[0]
    return root


def _pictures(root: Path, left: _Left) -> list[Path]:
    """The pictures below a folder, through links as well, which may lead back to it."""
    found: list[Path] = []

    def visit(folder: Path, above: tuple[str, ...]) -> None:
        real = os.path.realpath(folder)
        if real in above:
            left.add("a link to a folder that it lies in", str(folder.relative_to(root)))
            return
        for entry in _entries(folder):
            path, suffix = folder / entry.name, Path(entry.name).suffix.lower()
            if _hidden(entry.name):
                if entry.name != ".DS_Store":
                    left.add("hidden", entry.name)
            elif entry.is_dir():
                visit(path, (*above, real))
            elif not entry.is_file():
                left.add("a link that leads nowhere", entry.name)
            elif suffix in SUFFIXES:
                found.append(path)
            elif suffix not in BESIDE:
                left.add("of a kind that is not read", entry.name)

    visit(root, ())
    return found


def _depth(root: Path, files: list[Path]) -> int:
    """How many folders, one in the other, hold all of the files."""
    common = Path(os.path.commonpath([file.parent for file in files]))
    return len(common.relative_to(root).parts)


def _classes(
    files: dict[str, list[Path]], roots: dict[str, Path], left: _Left
) -> tuple[dict[Path, str], str]:
    """({picture: the folder of the first level that it lies in}, a sentence or "").

    None are given where one folder holds them all, or where more than a few lie in none.
    """
    depth = min((_depth(roots[split], some) for split, some in files.items() if some), default=0)
    found: dict[Path, str] = {}
    strays: list[Path] = []
    nested: set[str] = set()
    for split, some in files.items():
        for file in some:
            *folders, _ = file.relative_to(roots[split]).parts[depth:]
            if not folders:
                strays.append(file)
                continue
            found[file] = folders[0]
            if len(folders) > 1:
                nested.add("/".join(folders))
    if len(set(found.values())) < 2:
        return {}, ""
    if len(strays) >= STRAY * (len(found) + len(strays)):
        example = printable(str(strays[0]))
        return {}, f"No labels: {len(strays)} pictures lie in no folder of a class, as {example}."
    for file in strays:
        left.add("in no folder of a class", file.name)
    note = f"Classes are the folders of the first level: {_some(nested)} belong to theirs."
    return found, note if nested else ""


def in_order(classes: Iterable[str]) -> tuple[str, ...]:
    """Sorted; where all names are numbers, as these, so that the label 2 is the class 2."""
    names = sorted(classes)
    return tuple(sorted(names, key=int) if all(map(str.isdecimal, names)) else names)
