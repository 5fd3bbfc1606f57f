"""Makes shards of a job (`tfgen/shards`): a seed's bytes do not depend on who makes it, and when.

Batches have one size, the last is filled up, a process computes with one thread, and a seed has the
same place in its batch each time: sums are taken in the same order.
"""

import json
import os
from typing import Any

import numpy as np

from tfgen import files
from tfgen.exporting import sources
from tfgen.exporting.source import Source
from tfgen.shards import formats
from tfgen.shards.folder import Folder
from tfgen.shards.plan import SIZE

# Of a batch. Networks hold some hundred numbers for each: about 1 GB at most.
MOST_PIXELS = 2**20
LARGEST_BATCH = 250


def batch_size(image_shape: tuple[int, ...]) -> int:
    """The largest part of a shard that memory allows, whatever the machine."""
    most = min(LARGEST_BATCH, max(1, MOST_PIXELS // int(np.prod(image_shape))))
    return max(size for size in range(1, most + 1) if SIZE % size == 0)


class Maker:
    """Holds the model; called with the number of a shard, makes it unless it stands."""

    def __init__(self, source: str, out: str | os.PathLike) -> None:
        self.folder = Folder(out)
        self.job, self.plan = self.folder.job(), self.folder.plan()
        self.sample: Source = sources.open_source(source)

    def __call__(self, index: int) -> int:
        """Returns: how many samples were made; 0 for a shard that stood."""
        if self.folder.standing(self.job, self.plan, index):
            return 0
        self.folder.record(index).unlink(missing_ok=True)
        seeds, rows = self.plan.block(index)
        images = self._images(seeds, rows)
        path = formats.place(self.folder.shards, index, self.job["format"])
        name = self.job["condition"].get("name", "")
        named = {} if rows is None else {name: rows}
        record: dict[str, Any] = {
            "key": self.folder.key(self.job, self.plan, index),
            "sha256": formats.write(path, seeds, images, named),
            "count": len(seeds),
        }
        files.write_text(self.folder.record(index), json.dumps(record) + "\n")
        return len(seeds)

    def _images(self, seeds: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        """Images float32 [n, H, W, C] of a shard, in batches of the job's size."""
        batch, parts = self.job["batch"], []
        for start in range(0, len(seeds), batch):
            at = np.minimum(np.arange(start, start + batch), len(seeds) - 1)
            condition = {} if rows is None else {"condition": rows[at]}
            parts.append(self.sample(seeds[at], **condition)[: len(seeds) - start])
        return np.concatenate(parts)
