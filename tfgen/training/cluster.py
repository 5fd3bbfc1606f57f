"""Who trains together: the addresses and the index in the environment variable TF_CONFIG.

    {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

It is TensorFlow's own, which Kubeflow, Vertex AI and Ray set. Worker 0 is the chief; a cluster may
name it apart, as "chief".
"""

import dataclasses
import json
import os

from tfgen.errors import UserError

EXAMPLE = (
    '{"cluster": {"worker": ["host-a:2222", "host-b:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
ROLES = ("chief", "worker")  # in the order of their numbers


@dataclasses.dataclass(frozen=True)
class Cluster:
    """addresses: "host:port" of each worker, the chief's first; index: of this one."""

    addresses: tuple[str, ...]
    index: int

    def __len__(self) -> int:
        return len(self.addresses)

    @property
    def chief(self) -> bool:
        return not self.index

    def name(self, index: int) -> str:
        """What messages call a worker."""
        role = "the chief, worker 0" if not index else f"worker {index}"
        return f"{role} ({self.addresses[index]})"


def from_environment() -> Cluster | None:
    """The cluster of TF_CONFIG; None where there is none, or one worker alone.

    Raises: UserError for a TF_CONFIG that is none.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        given = json.loads(text)
        jobs = given.get("cluster", {})
        others = set(jobs) - set(ROLES) - {"evaluator"}
        addresses = tuple(str(a) for role in ROLES for a in jobs.get(role, []))
        task = given.get("task", {})
        role, index = task.get("type", "worker"), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"TF_CONFIG is not understood: {text!r}; wanted is {EXAMPLE}") from None
    if others:
        raise UserError(
            f"TF_CONFIG names {' and '.join(sorted(others))}: workers train in step with each "
            "other, without parameter servers. Make every machine a worker."
        )
    if len(addresses) < 2:
        return None
    if role not in ROLES or not 0 <= index < len(jobs.get(role, [])):
        raise UserError(
            f"TF_CONFIG says that this is {role} {index}, and its cluster has "
            + ", ".join(f"{len(jobs[r])} of {r!r}" for r in jobs)
            + ": each process has a task of its own, counted from 0."
        )
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise UserError(f"TF_CONFIG has the address {address!r}; wanted is 'host:port'.")
    return Cluster(addresses, index + (role == "worker") * len(jobs.get("chief", [])))


def is_chief() -> bool:
    """Whether this process speaks for all: alone, or as the first of several.

    Raises: as `from_environment`.
    """
    cluster = from_environment()
    return cluster is None or cluster.chief
