"""Seeds and what each is asked for, as a CSV or Parquet file has them: columns `seed` and `label`.

    seed,label            or seed,caption: the word by which the model is asked (`conditions.py`)
    17,3
    18,seven

A row that cannot be sampled is named. It refuses the job, or goes to a file of rejects.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfgen import files
from tfgen.errors import UserError
from tfgen.exporting.source import Source
from tfgen.seeds import WANTED
from tfgen.shards.plan import Plan

WORDS = ("label", "caption")
SHOWN = 5  # bad rows that a refusal names

Row = tuple[int, list[str]]  # its line, from 1 on (of Parquet its place), and its cells


def read(path: str | os.PathLike, source: Source, rejects: str | os.PathLike = "") -> Plan:
    """The plan of a table.

    Args:
      source: who is asked; it says what is wrong with a condition.
      rejects: a CSV file for bad rows, "row,seed,WORD,why"; "": they refuse the job.

    Raises: UserError for a file that is no such table, for bad rows, and where no other is there.
    """
    file = Path(path).expanduser()
    word, rows = (_parquet if file.suffix == ".parquet" else _csv)(file)
    seeds, asked, bad = [], [], []
    known: dict[str, np.ndarray | str] = {}  # what each text gives, or what is wrong with it
    for number, cells in rows:
        why = _misfit(cells, word)
        if not why:
            if cells[1] not in known:
                known[cells[1]] = _row(source, word, cells[1])
            row = known[cells[1]]
            if isinstance(row, str):
                why = row
            else:
                seeds.append(int(cells[0]))
                asked.append(row)
        if why:
            bad.append((number, cells, why))
    if bad and not rejects:
        raise UserError(_refusal(file, bad))
    if rejects:
        _write(Path(rejects).expanduser(), word, bad)
    if not seeds:
        raise UserError(f"{file} has no row that can be sampled.")
    return Plan(np.array(seeds, np.int32), np.stack(asked))


def _misfit(cells: list[str], word: str) -> str:
    """What is wrong with a row before anybody is asked, a clause; "" where nothing is."""
    if len(cells) != 2:
        return f"it has {len(cells)} cells, not a seed and a {word}"
    try:
        fits = -(2**31) <= int(cells[0]) < 2**31
    except ValueError:
        fits = False
    return "" if fits else f"{cells[0]!r} is no seed: {WANTED}"


def _row(source: Source, word: str, text: str) -> np.ndarray | str:
    """The condition of a text; what is wrong with it, where it is none."""
    if not text:
        return f"its {word} is empty"
    try:
        (rows,) = source.rows(1, **{word: text}).values()
    except UserError as error:
        return str(error)
    return rows[0] if rows.dtype != object else np.array(str(rows[0]))


def _refusal(file: Path, bad: list[tuple[int, list[str], str]]) -> str:
    lines = [f"  row {number}, {','.join(cells)}: {why}" for number, cells, why in bad[:SHOWN]]
    more = f"\n  and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    return (
        f"{file} has {len(bad):,} rows that cannot be sampled; mend them, or `rejects=FILE.csv` "
        "takes them and the others are sampled:\n" + "\n".join(lines) + more
    )


def _write(path: Path, word: str, bad: list[tuple[int, list[str], str]]) -> None:
    with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["row", "seed", word, "why"])
        for number, cells, why in bad:
            writer.writerow([number, *[*cells, "", ""][:2], why])


def _word(file: Path, names: list[str]) -> str:
    """By which word the table asks.  Raises: UserError for other columns."""
    found = [name.strip() for name in names]
    if len(found) != 2 or found[0] != "seed" or found[1] not in WORDS:
        raise UserError(
            f"{file} has the columns {', '.join(found) or 'none'}; wanted are seed,label or "
            "seed,caption, named in its first line."
        )
    return found[1]


def _csv(file: Path) -> tuple[str, Iterator[Row]]:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file} cannot be read as a CSV file in UTF-8: {error}.") from None
    reader = csv.reader(text.splitlines())
    word = _word(file, next(reader, []))
    return word, ((reader.line_num, cells) for cells in reader if cells)


def _parquet(file: Path) -> tuple[str, Iterator[Row]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UserError(
            f"{file}: Parquet is read by pyarrow, which comes with Apache Beam: "
            "pip install -e '.[beam]', or give a CSV file."
        ) from None
    try:
        table = parquet.read_table(file)
    except (OSError, ArrowException) as error:
        raise UserError(f"{file} cannot be read as a Parquet file: {error}.") from None
    word = _word(file, table.column_names)
    columns = (table.column(name).to_pylist() for name in table.column_names)
    pairs = enumerate(zip(*columns, strict=True), start=1)
    return word, (
        (place, ["" if cell is None else str(cell) for cell in cells]) for place, cells in pairs
    )
