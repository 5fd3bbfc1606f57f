"""The run from start to end: data, model, restore, `fit`, and what is left behind."""

import contextlib
import fcntl
import functools
import json
import math
import os
import pathlib
import platform
import resource
import signal
import time

import keras
import tensorflow as tf

from tfgen import data, evaluation, models, run_dir
from tfgen.errors import UserError
from train import card, drawing, health, optimizers
from train.callbacks import Recorder
from train.checkpoints import Checkpoints
from train.progress import Steps
from train.validation import Validation


def say(text):
    print(text, flush=True)


def train(name, config, workdir):
    """Trains the model `name` in `workdir`, or goes on where an earlier process stopped.

    Returns: the exit status.
    Raises: UserError for bad input, with the run directory as it was; OSError for a failing disk.
    """
    run = run_dir.RunDir(workdir)
    if _is_complete(run, name, config):
        say(f"The run in {run.path} is complete: {config.steps} steps of {name}.")
        say(_what_next(run, models.find(name)))
        return 0
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = make_strategy(config.replicas)
    source = data.of_run(config.data)
    training, validation = source.training_and_validation(
        config.data.split, config.data.validation, models.find(name).features
    )
    model = build(name, config, training, strategy)
    training, validation = model.view(training), model.view(validation)
    data.check_batch_size(training, config.batch_size)

    with _claimed(run):
        if not run.config_file.exists():
            run.write_config(name, config.to_dict())
        say(
            f"Training {name} on {training.size} images of {training.name}"
            + (f" without {config.data.leave_out}" if config.data.leave_out else "")
            + f" {training.shape}, "
            f"{training.levels} levels, for {config.steps} steps; writing {run.path}"
        )
        checkpoints = Checkpoints(run.checkpoints, model)
        start = checkpoints.restore(say)
        checkpoints.forget_after(start)
        if start:
            say(f"Continuing from step {start}.")
        left = model.unreached(config.steps)
        if left:
            say(f"Warning: {' '.join(left)}")
        progress = Steps(config.steps, start)
        watch = None
        if config.eval_every:
            say(f"A look at {validation.split!r} every {config.eval_every} steps.")
            watch = Validation(run, config, model, training, validation, start)
        preview = drawing.preview(model, validation)
        recorder = Recorder(run, config, model.terms, checkpoints, start, progress, preview, watch)
        if model.can("settle"):
            recorder.settle = functools.partial(model.settle, data.arrays(training)["image"])
        began = time.monotonic()
        try:
            if start < config.steps and not (watch and watch.exhausted):
                fit(model, config, training, start, recorder)
        finally:
            progress.close()
        seconds = time.monotonic() - began
        enough = watch is not None and watch.exhausted
        if recorder.signal and model.steps_done < config.steps and not enough:
            stopped = signal.Signals(recorder.signal).name
            say(f"Stopped by {stopped} at step {model.steps_done}; the same command continues.")
            return 128 + recorder.signal

        facts = {
            "steps": model.steps_done,
            "seconds": round(seconds, 1),
            # A run that was stopped in between took longer than its last process.
            "in one process": start == 0,
            "images per second": round((model.steps_done - start) * config.batch_size / seconds),
            "peak memory, MB": round(_peak_memory() / 1e6),
            "parameters": model.parameter_count(),
        }
        warnings = health.of_log(model, run.log)
        if watch:
            step, value = watch.best
            watch.restore_best()
            recorder.settle()
            facts["kept"] = {"step": step, "metric": watch.metric, "value": value}
            say(f"Kept the weights of step {step}: {watch.metric} {value:.4f}, the best.")
        # Of the weights that are kept, which may be of an earlier step than the last.
        left = model.unreached(model.steps_done)
        if left:
            warnings = [*warnings, " ".join(left)]
        if warnings:
            facts["warnings"] = "; ".join(warnings)
        finish(run, name, config, model, training, validation, facts)
    say(_what_next(run, type(model)))
    return 0


def use_cores():
    """An op for each core where there are two of them, rather than both cores for each op.

    The ops of small networks are too short to be divided: a step takes a tenth less time. To be
    called before TensorFlow computes anything; it holds for the process.
    """
    several = getattr(os, "sched_getaffinity", None)  # macOS has no such thing
    cores = len(several(0)) if several else os.cpu_count()
    if cores == 2 and not tf.config.list_physical_devices("GPU"):
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(1)


def make_strategy(replicas):
    """A MirroredStrategy for several replicas, None for one.

    Raises: UserError for more replicas than GPUs.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    count = replicas or max(1, len(gpus))
    if gpus and count > len(gpus):
        raise UserError(f"`replicas` is {count}, but there are {len(gpus)} GPUs.")
    if count == 1:
        return None
    if not gpus:
        # Replicas for want of GPUs: slower than one CPU device, but the same arithmetic.
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(cpu, logical)
    kind = "GPU" if gpus else "CPU"
    return tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)])


def build(name, config, training, strategy=None):
    """The compiled model, weights drawn from the seed."""
    replicas = strategy.num_replicas_in_sync if strategy else 1
    if config.batch_size % replicas:
        raise UserError(
            f"batch_size {config.batch_size} cannot be divided among {replicas} replicas: "
            f"set `batch_size` to a multiple of {replicas}."
        )
    parts = config.model.get("critic_steps", 1)
    if parts and config.batch_size // replicas % parts:
        raise UserError(
            f"batch_size {config.batch_size} cannot be divided among {parts} updates of D"
            + (f" on each of {replicas} replicas" if replicas > 1 else "")
            + f": set `batch_size` to a multiple of {parts * replicas}."
        )
    keras.utils.set_random_seed(config.seed)
    kind = models.find(name)
    arguments = dict(config.model)
    arguments |= kind.known_from(training, arguments)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = kind(
            image_shape=training.shape, levels=training.levels, seed=config.seed, **arguments
        )
        found = {
            key: optimizers.of(settings, config.steps * model.updates(key))
            for key, settings in config.optimizers.items()
        }
        # XLA does not pay for convolutions on a CPU, and op determinism excludes it on a GPU.
        model.compile(found, steps_per_execution=per_call(config, replicas), jit_compile=False)
    return model


def per_call(config, replicas):
    """Steps that TensorFlow runs before Python looks in: a divisor of the intervals, at most 10.

    A small model's step costs no more than the call. Several replicas do not run under more than
    one.
    """
    whole = math.gcd(config.steps, config.log_every)
    return 1 if replicas > 1 else max(k for k in range(1, 11) if whole % k == 0)


def fit(model, config, training, start, recorder):
    """Keras' `fit` over the remaining steps, as one epoch: steps are the only unit of length."""
    batches = data.batches(training, config.batch_size, config.seed, start)
    with recorder.listening():
        model.fit(
            batches,
            steps_per_epoch=config.steps - start,
            verbose=0,
            shuffle=False,
            callbacks=[recorder],
        )


def finish(run, name, config, model, training, validation, facts):
    """Figures, the model file, and last the card, which marks the run as complete."""
    drawing.draw(run, model, validation)
    with run_dir.atomic(run.model) as temporary:
        model.save_networks(temporary)
    run_dir.write_text(run.training, json.dumps(facts, indent=2) + "\n")
    numbers = evaluation.mean_terms(model, data.arrays(validation))
    written = card.text(run, name, config, model, training, validation, facts, numbers)
    run_dir.write_text(run.card, written)


def _peak_memory():
    """Bytes of this process at its largest."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # Linux' ru_maxrss begins with that of the process that started this one.
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _is_complete(run, name, config):
    """Whether there is nothing left to do.

    Raises: UserError if `run` is something else than this run, or cannot be written.
    """
    if run.config_file.exists():
        old_name, old_config = run.read_config()
        new = {"model": name, **_flat(config.to_dict())}
        old = {"model": old_name, **_flat(old_config)}
        if new != old:
            differences = [
                f"  {key}: {old.get(key, 'not set')!r} there, {new.get(key, 'not set')!r} now"
                for key in sorted(set(new) | set(old))
                if new.get(key) != old.get(key)
            ]
            raise UserError(
                f"{run.path} holds a run with other settings:\n" + "\n".join(differences) + "\n"
                "Choose another --workdir, or give the same settings to continue it."
            )
        return run.complete
    if run.path.exists() and not run.path.is_dir():
        raise UserError(f"{run.path} is a file; --workdir wants a folder.")
    if run.path.is_dir() and any(f for f in run.path.iterdir() if not f.name.startswith(".")):
        raise UserError(
            f"{run.path} is not empty and not a run directory: choose another --workdir."
        )
    return False


def _flat(config, prefix=""):
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


@contextlib.contextmanager
def _claimed(run):
    """Makes the run directory and keeps other processes out of it.

    Raises: UserError if another process trains there; OSError if it cannot be written.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    with open(run.path / ".lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is training in {run.path}.") from None
        run.forget_unfinished()
        yield


def _what_next(run, kind):
    samples = callable(kind.sample)
    caption = ' --caption="..."' if "caption" in kind.features else ""
    if samples:
        use = [
            f"  python -m export.sample --from={run.path} --seeds=0:64{caption} --out=grid.png",
            f"  python -m export.demo --workdir={run.path} --out=site        a page that runs it",
        ]
    else:
        use = [f"  python -m train.translate --workdir={run.path} --images=FOLDER --out=FOLDER"]
    shown = run.figures / ("samples.png" if samples else "translations.png")
    lines = [
        "",
        f"  run directory  {run.path}",
        f"  samples        {shown}",
        f"  figures        {run.figures}",
        f"  model          {run.model}",
        f"  model card     {run.card}",
        "",
        "Next:",
        f"  python -m train.evaluate --workdir={run.path}                what it is worth",
        *use,
        f"  python -m export.saved_model --workdir={run.path}            for TensorFlow Serving",
        f"  python -m export.tflite --workdir={run.path}                 for devices",
    ]
    return "\n".join(lines)
