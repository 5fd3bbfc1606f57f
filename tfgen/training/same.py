"""What workers that train together must have the same, found before anything is begun."""

import functools
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

import tfgen
from tfgen import settings
from tfgen.data import record
from tfgen.errors import UserError
from tfgen.training import devices

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.run_dir import RunDir
    from tfgen.training.hosts import Alone, Hosts
    from tfgen.training.job import Job

APPEARS = 5.0  # seconds in which a file of the chief is to be seen: NFS remembers what was not


def of_job(job: "Job") -> dict[str, Any]:
    """The settings, the code and the devices of a process."""
    name = Path(job.name).name if settings.is_file(job.name) else job.name
    found = {"model": name, **{f"`{k}`": v for k, v in settings.flat(job.config).items()}}
    if settings.is_file(job.name):
        found[f"the text of {name}"] = _digest(Path(job.name).expanduser())
    return found | {
        "tfgen": f"{tfgen.__version__}, code {_code()}",
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
        "devices": devices.count(job.config.replicas),
    }


def of_data(training: "ImageData", validation: "ImageData") -> dict[str, Any]:
    """What is trained on."""
    return {
        f"{which} split, its {key}": value
        for which, data in (("training", training), ("validation", validation))
        for key, value in record.described(data).items()
    }


def seen(run: "RunDir", team: "Alone | Hosts") -> None:
    """The chief leaves a file in the run directory, and the others look for it.

    Raises: UserError on all if one does not find it.
    """
    if team.count == 1:
        return
    mark = team.from_chief(os.urandom(8).hex())
    name = f".seen-{mark}"
    if team.chief:
        run.mark(name)
    team.from_chief()  # it is there
    found = "there" if team.chief or _appears(run, name) else "not there"
    try:
        team.compare(lambda: {"the chief's run directory": found})
    except UserError as error:
        raise UserError(
            f"{error} The run directory, here `workdir={run.address}`, is to be on a disk or in a "
            "store that all share."
        ) from None
    finally:
        if team.chief:
            run.unmark(name)


def _appears(run: "RunDir", name: str) -> bool:
    ends = time.monotonic() + APPEARS
    while not run.marked(name):
        if time.monotonic() > ends:
            return False
        time.sleep(0.2)
    return True


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@functools.cache
def _code() -> str:
    """Of all sources of the library."""
    folder = Path(tfgen.__file__).parent
    every = "".join(f"{p.relative_to(folder)} {_digest(p)}\n" for p in sorted(folder.rglob("*.py")))
    return hashlib.sha256(every.encode()).hexdigest()[:12]
