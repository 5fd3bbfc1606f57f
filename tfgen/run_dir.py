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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tfgen
from tfgen.errors import UserError
from tfgen.files import UNFINISHED, write_text

if TYPE_CHECKING:
    import os

# Settings of models that an earlier version had under another name: {model: {theirs: ours}}.
RENAMED = {"conditional_gan": {"condition": "conditioning"}}


class RunDir:
    """The paths of a run and its config."""

    def __init__(self, path: "str | os.PathLike") -> None:
        self.path = Path(path).expanduser()
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
    def complete(self) -> bool:
        return self.card.exists()

    def forget_unfinished(self) -> None:
        """Removes the files that a process that was killed had begun to write."""
        for file in self.path.rglob(f"{UNFINISHED}*"):
            if file.is_file():  # a folder is an export that may be under way
                file.unlink(missing_ok=True)

    def sample_grid(self, step: int) -> Path:
        return self.samples / f"step-{step:07d}.png"

    def sample_grids(self) -> dict[int, Path]:
        """{step: path} of the grids that there are."""
        return {int(f.stem.removeprefix("step-")): f for f in sorted(self.samples.glob("step-*"))}

    def write_config(self, model: str, config: dict[str, Any]) -> None:
        content = {"model": model, "tfgen": tfgen.__version__, "config": config}
        write_text(self.config_file, json.dumps(content, indent=2) + "\n")

    def read_config(self) -> tuple[str, dict[str, Any]]:
        """(model, config).

        Raises: UserError if there is no run here, its config is broken, or a later version's.
        """
        if not self.config_file.exists():
            raise UserError(f"{self.path} is not a run directory: it has no config.json.")
        try:
            content = json.loads(self.config_file.read_text())
            made_by = content.get("tfgen", "0.1.0")  # which did not say
            model, config = content["model"], content["config"]
            for old, new in RENAMED.get(model, {}).items():
                if old in config["model"]:
                    config["model"][new] = config["model"].pop(old)
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise UserError(f"{self.config_file} is broken: {error!r}.") from None
        if _release(made_by) > _release(tfgen.__version__):
            raise UserError(
                f"the run in {self.path} was made by tfgen {made_by}, and this is "
                f"{tfgen.__version__}: install that version or a later one."
            )
        return model, config

    def read_json(self, path: Path) -> dict[str, Any]:
        """The content of `training` or `metrics`.

        Raises: UserError that says how to make the file, if it is not there or broken.
        """
        makes = {
            self.training: "training",
            self.metrics: f"train.evaluate with `workdir={self.path}`",
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


def short_name(model: str) -> str:
    """A model's name in files and titles: of "./my_gan.py" and "mine>MyGAN" the last part."""
    if model.endswith(".py"):
        return Path(model).stem
    return model.rpartition(">")[2].lower() if ">" in model else model


def _release(version: str) -> tuple[int, ...]:
    """ "0.2.1" -> (0, 2): the versions that write the same files."""
    return tuple(int(part) for part in version.split(".")[:2])
