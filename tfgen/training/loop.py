"""The run from start to end: data, model, restore, `fit`, and what is left behind."""

import dataclasses
import functools
import json
import pathlib
import platform
import resource
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen import accumulation, data, evaluation, files, models, precision, progress, settings
from tfgen.data import record
from tfgen.errors import Interrupted, UserError
from tfgen.reports import card, drawing, kept_codes
from tfgen.run import Run
from tfgen.run_dir import RunDir, short_name
from tfgen.training import building, claim, compilation, deriving, devices, health, initial
from tfgen.training.callbacks import Recorder
from tfgen.training.checkpoints import Checkpoints
from tfgen.training.validation import Validation

if TYPE_CHECKING:
    import os

    import keras
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData, Source
    from tfgen.model import GenerativeModel


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be trained.

    Args:
      name: of the model, as `models.find` takes it; config: all settings, checked.
      model: one that the user made; None: it is built from the config.
      source: of the data; None: it is opened from the config.
      optimizers: {name: Keras optimizer}; None: those of the config.
      callbacks: of Keras, called after our own.
      given: the dotted names of the settings that the user chose, where the others follow from the
        data by the rule of the model (`tfgen/rules.py`); None: the config stands as it is.
      derived: of those that follow, their names, once the data are open.
      say: called with each sentence for the user; with `progress.silent` no progress is shown.
    """

    name: str
    config: Any
    model: Any = None
    source: Any = None
    optimizers: dict | None = None
    callbacks: Sequence = ()
    given: Collection[str] | None = None
    derived: list[str] = dataclasses.field(default_factory=list)
    say: Callable[[str], None] = progress.say

    @property
    def kind(self) -> "type[GenerativeModel]":
        return models.find(self.name) if self.model is None else type(self.model)


def train(job: Job, workdir: "str | os.PathLike") -> Run:
    """Trains in `workdir`, or goes on where an earlier process stopped. Returns the `Run`.

    Raises: UserError for bad input, with the run directory as it was; OSError for a failing disk;
      Interrupted after a signal, when a checkpoint is written.
    """
    say, name, config, run = job.say, job.name, job.config, RunDir(workdir)
    if run.config_file.exists() and job.given is not None:
        claim.keep_derived(run, config, job.given)
        job = dataclasses.replace(job, given=None)
    recorded = claim.recorded_steps(run, name, config)
    if recorded == config.steps and run.complete:
        steps = run.read_json(run.training)["steps"] if run.training.exists() else recorded
        say(f"The run in {run.path} is complete: {steps} steps of {short_name(name)}.")
        return Run(run.path, job.source)
    source, model, training, validation = prepare(job)
    with claim.locked(run):
        other = record.changed(run, training, validation)
        if other:
            raise UserError(
                f"{other}: bring them back as they were, or train anew in another `workdir`."
            )
        recorded = claim.recorded_steps(run, name, config)  # now that nobody else can change it
        if recorded not in (None, config.steps):
            claim.extend(run, name, config, recorded, say)
        _train(job, run, model, training, validation)
    return Run(run.path, source)


def prepare(job: Job) -> "tuple[Source, GenerativeModel, ImageData, ImageData]":
    """What a training needs: (source of the data, model, training split, validation split).

    Raises: UserError for settings that no model of this name, or not with these data, can have.
    """
    config = job.config
    tf.config.experimental.enable_tensor_float_32_execution(config.tf32)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = devices.make_strategy(config.replicas)
    source = job.source or data.of_run(config.data)
    training, validation = source.training_and_validation(
        config.data.split, config.data.validation, job.kind.data_features
    )
    if job.given is not None:
        job.derived[:] = deriving.derive(job.name, config, training, job.given)
    if job.model is None:
        model = building.build(job.name, config, training, strategy, job.optimizers)
    else:
        model = building.adopt(job.model, config, training, strategy, job.optimizers)
    training, validation = model.prepare_data(training), model.prepare_data(validation)
    data.check_batch_size(training, config.batch_size)
    if config.accumulate > 1:
        accumulation.trace(model, data.batches(training, config.batch_size, config.seed))
    return source, model, training, validation


def _train(
    job: Job, run: RunDir, model: "GenerativeModel", training: "ImageData", validation: "ImageData"
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
        f"{training.levels} levels, for {config.steps} steps; writing {run.path}"
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
    recorder = Recorder(run, config, model.terms, checkpoints, start, shown, preview, watch)
    recorder.try_figures = functools.partial(drawing.try_out, model, validation)
    if model.can("fit_after_training"):
        recorder.fit_after_training = functools.partial(
            model.fit_after_training, data.arrays(training)["image"]
        )
    batches = stepping(model, config, training, start, say)
    began = time.monotonic()
    try:
        if start < config.steps and not (watch and watch.exhausted):
            fit(model, config, batches, start, recorder, job.callbacks)
    finally:
        shown.close()
    seconds = time.monotonic() - began
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
        facts["kept"] = {"step": step, "metric": watch.metric, "value": value}
        say(f"Kept the weights of step {step}: {watch.metric} {value:.4f}, the best.")
    # Of the weights that are kept, which may be of an earlier step than the last.
    left = model.unreached(model.steps_done)
    if left:
        warnings = [*warnings, " ".join(left)]
    if warnings:
        facts["warnings"] = "; ".join(warnings)
    finish(run, job, model, training, validation, facts)


def stepping(
    model: "GenerativeModel",
    config: "ConfigDict",
    training: "ImageData",
    start: int,
    say: Callable[[str], None],
) -> tf.data.Dataset:
    """Sets how the model takes its steps, says so, and returns what `fit` is given for them."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    compiled, why = compilation.chosen(config.compile, config.deterministic, replicas)
    say(why)
    most = compilation.steps_of_a_call(compiled)
    model.steps_per_execution = building.steps_per_execution(config, replicas, start, most)
    order = config.batch_size, config.seed, start, config.data.flip
    if compiled:
        return compilation.calls(model, training, *order, say)
    return data.batches(training, *order)


def fit(
    model: "GenerativeModel",
    config: "ConfigDict",
    batches: tf.data.Dataset,
    start: int,
    recorder: Recorder,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> None:
    """Keras' `fit` over the remaining steps, as one epoch: steps are the only unit of length."""
    with recorder.stopping_on_signals():
        model.fit(
            batches,
            steps_per_epoch=config.steps - start,
            verbose=0,
            shuffle=False,
            callbacks=[recorder, *callbacks],
        )


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


def _peak_memory() -> int:
    """Bytes of this process at its largest."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # Linux' ru_maxrss begins with that of the process that started this one.
        lines = status.read_text("utf-8").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
