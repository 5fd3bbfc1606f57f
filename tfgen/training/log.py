"""The log of a run: rows of means that are the same after any restart."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tfgen import files


class Log:
    """log.csv: a row of means an interval; a restart drops the rows that it will write again."""

    def __init__(self, path: Path, names: Sequence[str], start: int) -> None:
        self.path = path
        self.last = 0  # step of the last row
        kept = [_line(["step", *names])]
        if start and path.exists():
            # A killed run can leave rows later than its last checkpoint, the last of them torn.
            rows = path.read_text().splitlines(keepends=True)[1:]
            kept += [r for r in rows if r.endswith("\n") and int(r.split(",")[0]) <= start]
            self.last = int(kept[-1].split(",")[0]) if len(kept) > 1 else 0
        files.write_text(path, "".join(kept))

    def write(self, step: int, means: Mapping[str, float]) -> None:
        with open(self.path, "a") as file:
            file.write(_line([step, *map(repr, means.values())]))
            file.flush()
            os.fsync(file.fileno())
        self.last = step


def _line(values: Iterable[object]) -> str:
    return ",".join(map(str, values)) + "\n"
