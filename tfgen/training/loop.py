"""The run from start to end: data, model, restore, `fit`, and what is left behind."""

import dataclasses
import functools
import json
import pathlib
import platform
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfgen import data, evaluation, files, precision, progress, settings
from tfgen.data import record
from tfgen.errors import Interrupted, UserError
from tfgen.reports import card, drawing, kept_codes
from tfgen.run import Run
from tfgen.run_dir import RunDir, short_name
from tfgen.training import claim, cluster, following, health, hosts, initial, same
from tfgen.training.callbacks import Recorder
from tfgen.training.checkpoints import Checkpoints
from tfgen.training.job import Job, fit, prepare, stepping
from tfgen.training.validation import Validation

if TYPE_CHECKING:
    import os

    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel


def train(job: Job, workdir: "str | os.PathLike") -> Run:
    """Trains in `workdir`, or goes on where an earlier process stopped. Returns the `Run`.

    Raises: UserError for bad input, with the run directory as it was; OSError for a failing disk;
      Interrupted after a signal, when a checkpoint is written.
    """
    workers = cluster.from_environment()
    if workers and job.model is not None:
        raise UserError(
            "each of several workers makes its own model, of weights that are on all of them: give "
            "`tfgen.train` a model's name, or the file that defines it, and not one that is made."
        )
    with hosts.joined(workers) as team:
        team.compare(functools.partial(same.of_job, job))
        if isinstance(team, hosts.Hosts) and not team.chief:
            return following.follow(job, RunDir(workdir), team)
        return _lead(job, RunDir(workdir), team)


def _lead(job: Job, run: RunDir, team: hosts.Alone | hosts.Hosts) -> Run:
    """The training of one process, or of the chief of several."""
    say, name, config = job.say, job.name, job.config
    if run.config_file.exists() and job.given is not None:
        claim.keep_derived(run, config, job.given)
        job = dataclasses.replace(job, given=None)
    recorded = claim.recorded_steps(run, name, config)
    complete = recorded == config.steps and run.complete
    team.from_chief(following.begun(job, complete))
    if complete:
        steps = run.read_json(run.training)["steps"] if run.training.exists() else recorded
        say(f"The run in {run.address} is complete: {steps} steps of {short_name(name)}.")
        return Run(run.address, job.source)
    source, model, training, validation = prepare(job, team.count)
    team.compare(functools.partial(same.of_data, training, validation))
    with claim.locked(run):
        same.seen(run, team)
        other = record.changed(run, training, validation)
        if other:
            raise UserError(
                f"{other}: bring them back as they were, or train anew in another `workdir`."
            )
        recorded = claim.recorded_steps(run, name, config)  # now that nobody else can change it
        if recorded not in (None, config.steps):
            claim.extend(run, name, config, recorded, say)
        _train(job, run, model, training, validation, team)
    return Run(run.address, source)


def _train(
    job: Job,
    run: RunDir,
    model: "GenerativeModel",
    training: "ImageData",
    validation: "ImageData",
    team: hosts.Alone | hosts.Hosts,
) -> None:
    """The run in its own directory, with everything at hand."""
    config, say = job.config, job.say
    checkpoints = Checkpoints(run.checkpoints, model)
    if not run.config_file.exists():
        run.write_config(job.name, config.to_dict(), job.derived)
    record.write(run, training, validation)
    if not checkpoints.steps():
        if config.init:
            initial.copy_weights(config.init, model, say)
        if config.init or job.model is not None:
            checkpoints.save(0)  # weights that no seed brings back
    say(
        f"Training {short_name(job.name)} on {training.size} images of "
        f"{data.name_of(config.data, training.name)} {training.shape}, "
        f"{training.levels} levels, for {config.steps} steps; writing {run.address}"
    )
    if job.derived:
        found = ", ".join(f"{key}={settings.value(config, key)}" for key in job.derived)
        say(f"What follows from the images, their number and size: {found}.")
    computing = precision.said(model)
    if computing:
        say(computing)
    start = checkpoints.restore(say)
    checkpoints.forget_after(start)
    if start:
        say(f"Continuing from step {start}.")
    left = model.unreached(config.steps)
    if left:
        say(f"Warning: {' '.join(left)}")
    silent = say is progress.silent
    shown = progress.Silence() if silent else progress.Steps(config.steps, start)
    watch = None
    if config.eval_every:
        say(f"A look at {validation.split!r} every {config.eval_every} steps.")
        watch = Validation(run, config, model, training, validation, start)
    preview = drawing.preview(model, validation)
    recorder = Recorder(run, config, model.terms, checkpoints, start, shown, preview, watch, team)
    recorder.try_figures = functools.partial(drawing.try_out, model, validation)
    if model.can("fit_after_training"):
        recorder.fit_after_training = functools.partial(
            model.fit_after_training, data.arrays(training)["image"]
        )
    batches = stepping(model, config, training, start, say, team)
    going = start < config.steps and not (watch and watch.exhausted)
    run.give()
    team.from_chief([start if checkpoints.steps() else None, going])
    began = time.monotonic()
    try:
        if going:
            fit(model, config, batches, start, recorder, job.callbacks)
    finally:
        shown.close()
    seconds = time.monotonic() - began
    team.release()
    enough = watch is not None and watch.exhausted
    if recorder.signal and model.steps_done < config.steps and not enough:
        stopped = signal.Signals(recorder.signal).name
        say(f"Stopped by {stopped} at step {model.steps_done}; the same command continues.")
        raise Interrupted(recorder.signal)
    if model.steps_done not in checkpoints.steps():
        say(f"A callback stopped the training at step {model.steps_done}.")
        recorder.end(model.steps_done)

    facts: dict[str, Any] = {
        "steps": model.steps_done,
        "seconds": round(seconds, 1),
        # A run that was stopped in between took longer than its last process.
        "in one process": start == 0,
        "images per second": round((model.steps_done - start) * config.batch_size / seconds),
        "peak memory, MB": round(_peak_memory() / 1e6),
        "parameters": model.parameter_count(),
    }
    warnings = health.warnings_in_log(model, run.log)
    if model.loss_scales:
        facts["skipped steps"] = precision.skipped_steps(model)
        say(f"Updates skipped because a float16 gradient overflowed: {facts['skipped steps']}.")
    if watch and watch.best:
        step, value = watch.best
        watch.restore_best()
        recorder.fit_after_training()
        kept = {"step": step, "metric": watch.metric, "value": value}
        facts["kept"] = kept | {"split": validation.split}
        say(f"Kept the weights of step {step}: {watch.metric} {value:.4f}, the best.")
    # Of the weights that are kept, which may be of an earlier step than the last.
    left = model.unreached(model.steps_done)
    if left:
        warnings = [*warnings, " ".join(left)]
    if warnings:
        facts["warnings"] = "; ".join(warnings)
    finish(run, job, model, training, validation, facts)


def finish(
    run: RunDir,
    job: Job,
    model: "GenerativeModel",
    training: "ImageData",
    validation: "ImageData",
    facts: Mapping[str, Any],
) -> None:
    """The model file first, which nothing may cost; figures; last the card: the run is complete."""
    if model.compute_dtype != "float32":
        model = model.without_optimizers()  # as it is loaded: all that follows is of that
    with files.atomic(run.model) as temporary:
        model.save_networks(temporary)
    files.write_text(run.training, json.dumps(facts, indent=2) + "\n")
    drawing.draw(run, model, validation)
    kept_codes.keep(run, model, training, validation)
    numbers = evaluation.mean_terms(model, data.arrays(validation))
    name = short_name(job.name)
    written = card.text(run, name, job.config, model, training, validation, facts, numbers)
    files.write_text(run.card, written)
    run.give()


def _peak_memory() -> int:
    """Bytes of this process at its largest."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # Linux' ru_maxrss begins with that of the process that started this one.
        lines = status.read_text("utf-8").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    import resource  # of POSIX: training has locked its folder by then

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
