"""A worker that is not the chief: it trains as the chief does and writes nothing.

chief                                     follower
compare settings, code, devices     <->   the same
the run directory: new, whole ...    ->   settings that a run there keeps, or that it is whole
data, model, compare what they are  <->   the same
checkpoint of step k, or none        ->   restores it
steps                               <->   the same
figures, card                        ->   waits for the end
"""

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from tfgen import progress, settings
from tfgen.run import Run
from tfgen.training import same
from tfgen.training.callbacks import Follower
from tfgen.training.checkpoints import Checkpoints
from tfgen.training.job import Job, fit, prepare, stepping

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir
    from tfgen.training.hosts import Hosts


def begun(job: "Job", complete: bool) -> dict[str, Any]:
    """What the chief has found in the run directory: the settings of the run there, if any."""
    config = settings.flat(job.config)
    return {"complete": complete, "config": config, "derive": job.given is not None}


def follow(job: Job, run: "RunDir", team: "Hosts") -> Run:
    """Trains with the chief, whose run directory is `run`, and returns when that is complete.

    Raises: as the chief's training does.
    """
    found = team.from_chief()
    job.config.update_from_flattened_dict(found["config"])
    if not found["derive"]:
        job = dataclasses.replace(job, given=None)
    source = job.source
    if not found["complete"]:
        source, model, training, validation = prepare(job, team.count)
        team.compare(functools.partial(same.of_data, training, validation))
        same.seen(run, team)
        _train(job, run, model, training, team)
    team.end()
    return Run(run.address, source)


def _train(
    job: Job, run: "RunDir", model: "GenerativeModel", training: "ImageData", team: "Hosts"
) -> None:
    checkpoint, going = team.from_chief()
    run.fetch()
    checkpoints = Checkpoints(run.checkpoints, model)
    if checkpoint is not None:
        checkpoints.restore_step(checkpoint)
    start = checkpoint or 0
    watching = Follower(job.config, start, team, checkpoints)
    if going:
        batches = stepping(model, job.config, training, start, progress.silent, team)
        fit(model, job.config, batches, start, watching, job.callbacks)
