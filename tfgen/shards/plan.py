"""Which seeds are sampled, and what each is asked for, in blocks of 1,000: a shard is a block."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import files

SIZE = 1000  # seeds of a shard; the last may have fewer


@dataclasses.dataclass(frozen=True)
class Plan:
    """Seeds in their order. A million of a range take no memory.

    Args:
      seeds: int32 numbers, a range or an array [N].
      rows: of the condition, [K, ...]: the seed at place i is asked for rows[i % K]. K is 1 where
        all are asked for the same, N where each for its own; None without a condition.
    """

    seeds: Sequence[int] | np.ndarray
    rows: np.ndarray | None = None

    @property
    def shards(self) -> int:
        return -(-len(self.seeds) // SIZE)

    def block(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """(seeds int32 [n], rows [n, ...] or None) of a shard, n up to 1,000."""
        start = index * SIZE
        seeds = np.array(self.seeds[start : start + SIZE], np.int32)
        if self.rows is None:
            return seeds, None
        return seeds, self.rows[(start + np.arange(len(seeds))) % len(self.rows)]

    def digest(self, index: int) -> str:
        """The SHA-256 of what a shard is asked for."""
        digest = hashlib.sha256()
        for part in self.block(index):
            if part is not None:
                digest.update(f"{part.dtype} {part.shape}".encode())
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    def begins(self, other: "Plan") -> bool:
        """Whether the other goes on where this one ends: the same seeds, or more after them."""
        count = len(self.seeds)
        if len(other.seeds) < count or (self.rows is None) != (other.rows is None):
            return False
        ours, theirs = (np.asarray(plan.seeds[:count]) for plan in (self, other))
        if not np.array_equal(ours, theirs):
            return False
        if self.rows is None or other.rows is None:
            return True
        most = min(count, max(len(self.rows), len(other.rows)))
        places = np.arange(most)
        return np.array_equal(
            self.rows[places % len(self.rows)], other.rows[places % len(other.rows)]
        )

    def save(self, path: Path) -> None:
        given: tuple[str, Any] = ("seeds", self.seeds)
        if isinstance(self.seeds, range):
            given = ("range", [self.seeds.start, self.seeds.stop, self.seeds.step])
        arrays = {given[0]: np.asarray(given[1], np.int64)}
        if self.rows is not None:
            arrays["rows"] = self.rows
        with files.atomic(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Plan":
        with np.load(path, allow_pickle=False) as file:
            seeds = range(*map(int, file["range"])) if "range" in file else file["seeds"]
            return cls(seeds, file.get("rows"))
