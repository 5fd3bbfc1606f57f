"""The warnings of a model about its own training, said while it trains and found in its log."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tfgen import reading

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


ROWS = 3  # of the log, one after another: a bad row alone is no collapse


class Health:
    """Asks a model with `warnings` at each row of the log.

    Args: say, called with a sentence when something has gone wrong, once for each kind.
    """

    def __init__(
        self, model: "GenerativeModel", say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.model = model
        self.say = say
        self.rows: dict[str, int] = {}  # kind -> how many rows in a row
        self.found: list[str] = []  # sentences

    def check(self, step: int, means: Mapping[str, float]) -> None:
        now = self.model.warnings(means)
        for kind, text in now.items():
            self.rows[kind] = self.rows.get(kind, 0) + 1
            if self.rows[kind] == ROWS:
                self.found.append(f"step {step}: {text}")
                self.say(f"Warning, {self.found[-1]}")
        # What is over begins to count anew; what has been said is not said again.
        for kind in set(self.rows) - set(now):
            if self.rows[kind] < ROWS:
                del self.rows[kind]


def warnings_in_log(model: "GenerativeModel", path: Path) -> list[str]:
    """The warnings of a whole run, from its log, whatever number of processes wrote it."""
    if not model.can("warnings"):
        return []
    health = Health(model)
    names, rows = reading.read_rows(path)
    for step, row in rows.items():
        health.check(step, dict(zip(names, row, strict=True)))
    return health.found
