"""The log of a run: rows of means that are the same after any restart."""

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tfgen import files, reading
from tfgen.errors import Notice


class Log:
    """log.csv: a row of means an interval; a restart drops the rows that it will write again.

    Args: names, of the columns; start, the steps done; every, the steps of an interval.

    A `Notice` says which rows before `start` are gone, if the file was changed by others.
    """

    def __init__(self, path: Path, names: Sequence[str], start: int, every: int) -> None:
        self.path = path
        # A killed run can leave rows later than its last checkpoint.
        rows = reading.read_rows(path)[1] if start else {}
        self.rows = {step: row for step, row in rows.items() if step <= start}
        self.last = max(self.rows, default=0)  # step of the last row
        lost = set(range(every, start + 1, every)) - set(self.rows)
        if lost:
            warnings.warn(
                f"{path} lacks the rows of {len(lost)} steps that were logged, {min(lost)} the "
                "first: it was changed. The run goes on; what is lost stays so.",
                Notice,
                stacklevel=2,
            )
        lines = [_line([step, *map(repr, row)]) for step, row in self.rows.items()]
        files.write_text(path, "".join([_line(["step", *names]), *lines]))

    def write(self, step: int, means: Mapping[str, float]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line([step, *map(repr, means.values())]))
            file.flush()
            os.fsync(file.fileno())
        self.last = step


def _line(values: Iterable[object]) -> str:
    return ",".join(map(str, values)) + "\n"
