"""The folder of a job: its files, what of it is made, what may be made in it."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import addresses, files, reading
from tfgen.errors import UserError
from tfgen.shards import formats
from tfgen.shards.plan import Plan

if TYPE_CHECKING:
    import os

JOB = {
    "model": {"source": str, "sha256": str},
    "versions": {str: str},
    "format": str,
    "image_shape": [int],
    "batch": int,
    "condition": dict,
}
RECORD = {"key": str, "sha256": str, "count": int}
MANIFEST = JOB | {"seeds": {str: int}, "shards": [{"file": str, "count": int, "sha256": str}]}


class Folder:
    """The paths of a job, as the package's docstring lists them."""

    def __init__(self, path: "str | os.PathLike") -> None:
        addresses.refuse(path, files.FOLDERS)
        self.path = Path(path).expanduser()
        self.job_file = self.path / "job.json"
        self.plan_file = self.path / "plan.npz"
        self.manifest = self.path / "manifest.json"
        self.shards = self.path / "shards"

    def record(self, index: int) -> Path:
        return self.shards / f"{index:05d}.json"

    def begin(self, job: Mapping[str, Any], plan: Plan) -> None:
        """Writes what makers need. A job that was begun goes on, and may get more seeds.

        Raises: UserError for a folder with something else in it: another job, or other seeds.
        """
        if self.job_file.exists() and self.plan_file.exists():
            self._same(job, plan)
            self.manifest.unlink(missing_ok=True)
        else:
            files.empty_folder(self.path)
        self._forget_unfinished()
        plan.save(self.plan_file)
        files.write_text(self.job_file, json.dumps(job, indent=2) + "\n")

    def _forget_unfinished(self) -> None:
        """Removes what makers that were killed had begun to write."""
        for path in self.shards.glob(f"{files.UNFINISHED}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _same(self, job: Mapping[str, Any], plan: Plan) -> None:
        before = self.job()
        other = [
            f"{name} ({before.get(name)!r} there, {job.get(name)!r} now)"
            for name in sorted({*before, *job})
            if _compared(before.get(name)) != _compared(job.get(name))
        ]
        if not other and not self.plan().begins(plan):
            other = ["seeds or what they are asked for"]
        if other:
            raise UserError(
                f"`out={self.path}` holds samples of another job, which differs in "
                f"{', '.join(other)}: choose another folder."
            )

    def job(self) -> dict[str, Any]:
        """Raises: UserError for a folder without, or a broken one."""
        found: dict[str, Any] = reading.read_json(
            self.job_file, JOB, "export.batch writes it anew in an empty folder"
        )
        return found

    def plan(self) -> Plan:
        return Plan.load(self.plan_file)

    def key(self, job: Mapping[str, Any], plan: Plan, index: int) -> str:
        """The SHA-256 of all that a shard depends on."""
        parts = {name: _compared(value) for name, value in job.items()}
        text = json.dumps([parts, plan.digest(index)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def standing(self, job: Mapping[str, Any], plan: Plan, index: int) -> dict[str, Any] | None:
        """The record of a shard whose bytes are those that were written; None to make it anew."""
        try:
            record = self.read_record(index)
            path = formats.place(self.shards, index, job["format"])
            intact = formats.digest(path) == record["sha256"]
        except (UserError, OSError):
            return None
        return record if intact and record["key"] == self.key(job, plan, index) else None

    def read_record(self, index: int) -> dict[str, Any]:
        """Raises: UserError for one that is not there or broken."""
        advice = "the same command makes the shard anew"
        found: dict[str, Any] = reading.read_json(self.record(index), RECORD, advice)
        return found

    def done(self) -> int:
        """How many shards are made, whatever the process that made them."""
        return sum(1 for _ in self.shards.glob("[0-9]*.json")) if self.shards.is_dir() else 0

    def finish(self) -> dict[str, Any]:
        """Writes the manifest; what it holds.

        Raises: UserError if a shard is missing.
        """
        job, plan = self.job(), self.plan()
        shards = []
        for index in range(plan.shards):
            record = self.read_record(index)
            name = formats.place(self.shards, index, job["format"]).name
            shards.append(
                {"file": f"shards/{name}", "count": record["count"], "sha256": record["sha256"]}
            )
        ends = {"first": int(plan.seeds[0]), "last": int(plan.seeds[-1])}
        content = job | {"seeds": {"count": len(plan.seeds)} | ends, "shards": shards}
        files.write_text(self.manifest, json.dumps(content, indent=2) + "\n")
        return content

    def read_manifest(self) -> dict[str, Any]:
        """Raises: UserError for a job that is not finished."""
        advice = "export.batch writes it last, the same command goes on where it stopped"
        found: dict[str, Any] = reading.read_json(self.manifest, MANIFEST, advice)
        return found

    def images(self, index: int) -> np.ndarray:
        """The images of a shard: uint8 [n, H, W, C].

        Raises: UserError for one that is not as it was written.
        """
        about = self.read_manifest()
        path = formats.place(self.shards, index, about["format"])
        if not path.exists() or formats.digest(path) != about["shards"][index]["sha256"]:
            raise UserError(
                f"{path} is not what {self.manifest.name} says: the command that made it makes it "
                "anew."
            )
        return formats.read(path, self.plan().block(index)[0])


def _compared(value: Any) -> Any:
    """What of a job's entry shards depend on: a model by its hash, wherever it lies."""
    if isinstance(value, dict) and "source" in value:
        return {key: part for key, part in value.items() if key != "source"}
    return value
