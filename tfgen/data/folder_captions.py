"""Captions of the pictures of a folder, in one of two ways:

    NAME.jpg, NAME.txt               a caption a line, as in the files of CUB and Flowers, which lie
                                     in a tree of their own: copy them beside the pictures
    metadata.jsonl or metadata.csv   a row a caption, with `file_name` and `text`, as Hugging Face's
                                     imagefolder has it; names count from the file's own folder

Several lines, or several rows of one name, are several captions of one picture.
"""

import csv
import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfgen.data.text import tokenize
from tfgen.errors import UserError

TABLES = ("metadata.jsonl", "metadata.csv")


class FolderCaptions:
    """The captions of the pictures `files` below `root`, of all splits."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self.root, self.files = root, files

    @functools.cached_property
    def tables(self) -> list[Path]:
        """The metadata files.

        Raises: UserError for two in one folder, and for one where pictures have a NAME.txt.
        """
        found = sorted(table for name in TABLES for table in self.root.rglob(name))
        for table in found:
            if table.suffix == ".jsonl" and table.with_suffix(".csv") in found:
                raise UserError(f"{table.parent} has {' and '.join(TABLES)}: keep one of the two.")
        if found and self.has_texts:
            text = next(filter(Path.is_file, map(_text_of, self.files)))
            raise UserError(
                f"{self.root} has captions in two ways, as {text} and in {found[0]}: keep one."
            )
        return found

    @functools.cached_property
    def has_texts(self) -> bool:
        return any(_text_of(file).is_file() for file in self.files)

    @functools.cached_property
    def of_tables(self) -> dict[str, list[str]]:
        """{path: captions} from all metadata files."""
        found: dict[str, list[str]] = {}
        for table in self.tables:
            for where, row in _rows(table):
                path, text = _checked(table, where, row)
                found.setdefault(path, []).append(text)
        return found

    def of(self, files: Sequence[Path]) -> list[list[str]] | None:
        """The captions of each of some pictures, or None where the folder has none at all.

        Raises: UserError for a picture without, an empty caption, and metadata that cannot be read
          or name a file that is not there.
        """
        found: list[list[str] | None]
        if self.tables:
            found = [self.of_tables.get(_key(file)) for file in files]
        elif self.has_texts:
            found = [_lines(_text_of(file)) for file in files]
        else:
            return None
        without = [file for file, texts in zip(files, found, strict=True) if texts is None]
        if without:
            wanted = f"a row in {self.tables[0].name}" if self.tables else "a .txt beside it"
            raise UserError(
                f"{len(without)} of {len(files)} pictures have no caption, as {without[0]}: "
                f"give each {wanted}, or take it out of the folder."
            )
        return [texts for texts in found if texts is not None]


def _text_of(file: Path) -> Path:
    upper = file.with_suffix(".TXT")  # as Windows may have it
    return upper if upper.is_file() else file.with_suffix(".txt")


def _key(path: Path) -> str:
    return os.path.abspath(path)


def _lines(file: Path) -> list[str] | None:
    """The captions of a NAME.txt, blank lines left out; None where there is no such file."""
    if not file.is_file():
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8: {error}.") from None
    found = [
        _with_words(line.strip(), f"{file}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not found:
        raise UserError(f"{file} is empty: it wants a caption a line.")
    return found


def _rows(table: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where it stands, row) of a metadata file."""
    read = _json_rows if table.suffix == ".jsonl" else _csv_rows
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            yield from read(table, file)
    except UnicodeDecodeError as error:
        raise UserError(f"{table} is not UTF-8: {error}.") from None


def _json_rows(table: Path, file: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        where = f"{table}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{where} is no JSON: {error.msg}, column {error.colno}.") from None
        if not isinstance(row, dict):
            raise UserError(f'{where} is no object: it wants {{"file_name": ..., "text": ...}}.')
        yield where, row


def _csv_rows(table: Path, file: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(file, strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{table} is no CSV after line {reader.line_num}: {error}.") from None
        if row is None:
            return
        where = f"{table}, line {reader.line_num}"
        if None in row:
            raise UserError(
                f"{where} has more fields than the first line names: a text with a comma wants "
                'quotes, "...".'
            )
        yield where, row


def _checked(table: Path, where: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """(path, caption) of a row."""
    for column in ("file_name", "text"):
        if not isinstance(row.get(column), str):
            raise UserError(
                f"{where} has no string {column!r}, but {', '.join(map(repr, row))}: a row wants "
                "'file_name' and 'text'; several captions are several rows."
            )
    path = _key(table.parent / row["file_name"])
    if not os.path.isfile(path):
        raise UserError(f"{where} names {row['file_name']!r}, and there is no file {path}.")
    return path, _with_words(row["text"].strip(), where)


def _with_words(text: str, where: str) -> str:
    if not tokenize(text):
        raise UserError(f"{where}: the caption {text!r} has no word.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: the caption {text!r} holds half a character.") from None
    return text
