"""The run directory: everything a run leaves behind, and the one thing that later stages read.

    config.json    the resolved config and the model's name
    checkpoints/   weights, optimizers, noise and log state, every `save_every` steps
    log.csv        means over every `log_every` steps; the same after any restart
    samples/       a grid of the same 64 seeds at every checkpoint
    validation.csv the validation split's metrics every `eval_every` steps; the test split's never
    figures/       what the trained model can show: samples, reconstructions, codes, interpolations
    model.keras    the trained networks: the best by validation, where it was watched, else the last
                   (what training alone reads is in checkpoints)
    training.json  what the training took: seconds, memory, which step was kept
    metrics.json   what the model is worth, by `train.evaluate`; report.html shows it
    explore.html   what its codes mean, by `train.explore`
    anomaly.json   how well a class that was left out is told apart, by `train.anomaly`
    card.md        what the run was; written last, so its presence means that the run is complete
    tensorboard/   the same log as events, where TensorBoard is installed

A file appears under its name only when it is whole: it is written beside it and renamed.
"""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tfgen.errors import UserError

UNFINISHED = ".writing-"  # how the names of files begin that are not whole yet


@contextmanager
def atomic(path):
    """A temporary path of the same suffix; renamed to `path` when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept: Keras and Pillow choose the format by it.
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        with open(name, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path, text):
    with atomic(path) as temporary:
        temporary.write_text(text)


class RunDir:
    """The paths of a run and its config."""

    def __init__(self, path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.log = self.path / "log.csv"
        self.samples = self.path / "samples"
        self.figures = self.path / "figures"
        self.model = self.path / "model.keras"
        self.card = self.path / "card.md"
        self.validation = self.path / "validation.csv"
        self.training = self.path / "training.json"
        self.metrics = self.path / "metrics.json"
        self.report = self.path / "report.html"
        self.explore = self.path / "explore.html"
        self.anomaly = self.path / "anomaly.json"
        self.tensorboard = self.path / "tensorboard"

    @property
    def complete(self):
        return self.card.exists()

    def forget_unfinished(self):
        """Removes the files that a process that was killed had begun to write."""
        for file in self.path.rglob(f"{UNFINISHED}*"):
            if file.is_file():  # a folder is an export that may be under way
                file.unlink(missing_ok=True)

    def sample_grid(self, step):
        return self.samples / f"step-{step:07d}.png"

    def sample_grids(self):
        """{step: path} of the grids that there are."""
        return {int(f.stem.removeprefix("step-")): f for f in sorted(self.samples.glob("step-*"))}

    def write_config(self, model, config):
        write_text(
            self.config_file, json.dumps({"model": model, "config": config}, indent=2) + "\n"
        )

    def read_config(self):
        """(model, config).  Raises: UserError if there is no run here, or its config is broken."""
        if not self.config_file.exists():
            raise UserError(f"{self.path} is not a run directory: it has no config.json.")
        try:
            content = json.loads(self.config_file.read_text())
            return content["model"], content["config"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise UserError(f"{self.config_file} is broken: {error!r}.") from None

    def read_json(self, path):
        """The content of `training` or `metrics`.

        Raises: UserError that says how to make the file, if it is not there or broken.
        """
        makes = {
            self.training: "python -m train.run with the run's settings",
            self.metrics: f"python -m train.evaluate --workdir={self.path}",
        }[path]
        if not path.exists():
            raise UserError(f"{path} is not there; {makes} writes it.")
        try:
            content = json.loads(path.read_text())
            if not isinstance(content, dict):
                raise ValueError(f"it holds a {type(content).__name__}")
            return content
        except ValueError as error:
            raise UserError(f"{path} is broken ({error}); {makes} writes it anew.") from None


def load(directory):
    """The trained model of a run directory.

    Raises: UserError if there is no run, it is not finished, or its model file is broken.
    """
    import keras

    from tfgen import models

    run = RunDir(directory)
    name, _ = run.read_config()
    if not run.model.exists():
        raise UserError(
            f"the run in {run.path} is not finished: it has no model.keras yet. Continue it with "
            f"python -m train.run --model={name} --workdir={run.path} and its settings."
        )
    models.find(name)  # registers the class with Keras
    try:
        return keras.saving.load_model(run.model, compile=False)
    except (ValueError, OSError, KeyError) as error:
        raise UserError(f"{run.model} cannot be read: {error}") from error
