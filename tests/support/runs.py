"""Small runs for tests: settings, commands in this process or their own, what a run left behind."""

import contextlib
import importlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from train import next_steps
from tests.conftest import ROOT
from tfgen import command as commands
from tfgen import files, progress, settings
from tfgen.errors import Interrupted

TINY = {
    "steps": 60,
    "batch_size": 16,
    "log_every": 5,
    "save_every": 10,
    "eval_every": 0,
    "data.split": "train[:200]",
    "data.validation": "validation[:50]",
}
TINY_MODEL = {
    "dcgan": {"model.width": 8, "model.latent_dim": 8},
    "gan": {"model.width": 16, "model.latent_dim": 8},
    "vq_vae": {"model.width": 4},
    "wgan": {"model.width": 8, "model.latent_dim": 8},
    "cyclegan": {"model.width": 2, "model.blocks": 1, "model.patch_width": 4},
    "vae": {"model.width": 4, "model.latent_dim": 3, "model.dropout": 0.0},
    "cvae": {"model.width": 4, "model.dropout": 0.0},
    "denoising_autoencoder": {"model.width": 4},
}


def tiny(model, **changes):
    """TINY with changes; a double underscore stands for the dot."""
    return TINY | TINY_MODEL.get(model, {}) | {k.replace("__", "."): v for k, v in changes.items()}


def config(model, **changes):
    """The resolved config, as the command line would give it."""
    resolved = settings.find(model)
    resolved.update_from_flattened_dict(tiny(model, **changes))
    settings.check(resolved)
    return resolved


def command(model, workdir, *flags, **changes):
    flags = [
        *flags,
        *(f"--config.{key}={value}" for key, value in tiny(model, **changes).items()),
    ]
    return [sys.executable, "-m", "train.run", f"--model={model}", f"--workdir={workdir}", *flags]


def run(arguments, timeout=300, cwd=ROOT, more=None, **kwargs):
    """The finished process, its output as text."""
    return subprocess.run(
        arguments,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | (more or {}),
        **kwargs,
    )


def here(module, *arguments):
    """What `run` gives of `python -m module`, but in this process, where TensorFlow is loaded.

    Each command is tried in a process of its own too, once.
    """
    return _captured(importlib.import_module(module).main, list(arguments))


def go(model, config, workdir, say=progress.say):
    """The `Run` of a whole training in this process."""
    from tfgen.training import loop

    return loop.train(loop.Job(model, config, say=say), workdir)


def stopped_by(model, config, workdir):
    """The number of the signal that ends a training in this process."""
    with pytest.raises(Interrupted) as stopped:
        go(model, config, workdir)
    return stopped.value.number


def train(model, workdir, **changes):
    """The same of `train.run`."""
    arguments = model, config(model, **changes), workdir
    return _captured(commands.status, lambda: print(next_steps.text(go(*arguments, commands.say))))


def _captured(function, *arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = function(*arguments)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def newest_checkpoint(workdir):
    """Every array of the newest checkpoint, by name."""
    import tensorflow as tf

    folder = str(files.plain(Path(workdir) / "checkpoints"))
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(folder))
    arrays = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    # How often the manager has saved in one process is no part of the training state.
    return {
        k: v
        for k, v in arrays.items()
        if k != "_CHECKPOINTABLE_OBJECT_GRAPH" and "save_counter" not in k
    }


def assert_same_run(a, b):
    """Bit for bit: weights, optimizers, counters, the log, every sample grid."""
    one, two = newest_checkpoint(a), newest_checkpoint(b)
    assert set(one) == set(two)
    for name in one:
        assert np.array_equal(one[name], two[name]), name
    for pattern in ("log.csv", "samples/*.png", "figures/*.png"):
        files = sorted(f.relative_to(a) for f in Path(a).glob(pattern))
        assert files == sorted(f.relative_to(b) for f in Path(b).glob(pattern))
        assert files or pattern.startswith("figures")
        for file in files:
            assert (Path(a) / file).read_bytes() == (Path(b) / file).read_bytes(), file
