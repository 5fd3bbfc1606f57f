"""The run directory: everything a run leaves behind, and the one thing that later stages read.

    config.json    the resolved config and the model's name
    data.json      what it is trained on: splits, sizes, class names, fingerprints of the images
    checkpoints/   weights, optimizers, noise and log state, every `save_every` steps
    log.csv        means over every `log_every` steps; the same after any restart
    samples/       a grid of the same 64 seeds at every checkpoint
    validation.csv the validation split's metrics every `eval_every` steps; the test split's never
    figures/       what the trained model can show: samples, reconstructions, codes, interpolations
    model.keras    the trained networks: the best by validation, where it was watched, else the last
                   (what training alone reads is in checkpoints)
    codes.npz      codes of held-out images and what they are learnt to mean; never an image
    classifier.npz the classifier of the data that samples are judged by, once one was needed
    training.json  what the training took: seconds, memory, which step was kept
    metrics.json   what the model is worth, by `train.evaluate`; report.html shows it, copies.html
                   the samples that lie nearest to training images
    explore.html   what its codes mean, by `train.explore`
    anomaly.json   how well a class that was left out is told apart, by `train.anomaly`
    card.md        what the run was; written last, so its presence means that the run is complete
    tensorboard/   the same log as events, where TensorBoard is installed

A file appears under its name only when it is whole: it is written beside it and renamed.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tfgen
from tfgen import reading, stores
from tfgen.errors import UserError
from tfgen.files import UNFINISHED, write_text

# Settings of models that an earlier version had under another name: {model: {theirs: ours}}.
RENAMED = {"conditional_gan": {"condition": "conditioning"}}

# What files from before version 3 of the measures call the Frechet distance in classifier features;
# in the field the FCD is that of ChemNet (Preuer et al. 2018).
DISTANCES = {"FCD": "FDC"}


# What config.json, training.json and metrics.json hold, as `reading.misfit` has it.
CONFIG = {
    "model": str,
    "config": {"steps": int, "data": {"name": str}, "model": dict, "optimizers": {str: dict}},
}
TRAINING = {"steps": int, "seconds": float, "parameters": int}
NUMBERS = {str: (float, type(None)), "nll_kind": str}
METRICS = {
    "model": {"name": str, "density": str, "training": dict},
    "protocol": {
        **{"data": str, "train": str, "split": str, "n": int},
        **{"features": str, "features_hash": str},
    },
    "features": {"distance": str},
    "results": NUMBERS,
    "floor": NUMBERS,
    "baselines": {str: NUMBERS},
    "diagnosis": [{"name": str, "problem": str, "advice": str}],
    "not_measured": {str: str},
}


class RunDir:
    """The paths of a run and its config.

    path: a folder, or the address of one in a store (`tfgen/stores.py`).

    Attributes: path, the folder in which this process works; address, what users name it by; store,
      None for a folder of the user's own.
    """

    def __init__(self, path: "str | os.PathLike") -> None:
        self.store = stores.of(path)
        self.path = self.store.folder if self.store else Path(path).expanduser()
        self.address = self.store.address if self.store else str(self.path)
        self.config_file = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.data_file = self.path / "data.json"
        self.log = self.path / "log.csv"
        self.samples = self.path / "samples"
        self.figures = self.path / "figures"
        self.model = self.path / "model.keras"
        self.codes = self.path / "codes.npz"
        self.classifier = self.path / "classifier.npz"
        self.card = self.path / "card.md"
        self.validation = self.path / "validation.csv"
        self.training = self.path / "training.json"
        self.metrics = self.path / "metrics.json"
        self.report = self.path / "report.html"
        self.copies = self.path / "copies.html"
        self.explore = self.path / "explore.html"
        self.anomaly = self.path / "anomaly.json"
        self.tensorboard = self.path / "tensorboard"

    @property
    def complete(self) -> bool:
        return self.card.exists()

    def shown(self, path: "str | os.PathLike") -> str:
        """What a user finds a file of the run by: in a store its address there."""
        if self.store and Path(path).is_relative_to(self.path):
            return f"{self.address}/{Path(path).relative_to(self.path).as_posix()}"
        return str(path)

    def give(self) -> None:
        """Brings a store to what is written here; see `Store.give`."""
        if self.store:
            self.store.give()

    def fetch(self) -> None:
        """Brings all of a run in a store here, checkpoints too."""
        if self.store:
            self.store.fetch(training=True)

    def mark(self, name: str) -> None:
        """Leaves an empty file that whoever shares the run directory sees."""
        if self.store:
            self.store.write(name)
        else:
            (self.path / name).touch()

    def marked(self, name: str) -> bool:
        if self.store:
            return self.store.read(name) is not None
        return (self.path / name).exists()

    def unmark(self, name: str) -> None:
        if self.store:
            self.store.remove(name)
        else:
            (self.path / name).unlink(missing_ok=True)

    def holds_another_thing(self) -> bool:
        """Whether there are files where no run is."""
        if self.store:
            return self.store.holds_another_thing()
        there = self.path.iterdir() if self.path.is_dir() else ()
        return not self.config_file.exists() and any(f for f in there if f.name[0] != ".")

    def forget_unfinished(self) -> None:
        """Removes the files that a process that was killed had begun to write."""
        for file in self.path.rglob(f"{UNFINISHED}*"):
            if file.is_file():  # a folder is an export that may be under way
                file.unlink(missing_ok=True)
        for file in self.checkpoints.glob("*temp*"):  # TensorFlow's own
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)

    def sample_grid(self, step: int) -> Path:
        return self.samples / f"step-{step:07d}.png"

    def sample_grids(self) -> dict[int, Path]:
        """{step: path} of the grids that there are."""
        return {int(f.stem.removeprefix("step-")): f for f in sorted(self.samples.glob("step-*"))}

    def write_config(self, model: str, config: dict[str, Any], derived: Sequence[str] = ()) -> None:
        """derived: the dotted names of the settings that followed from the data."""
        content = {"model": model, "tfgen": tfgen.__version__, "config": config}
        content |= {"derived": list(derived)} if derived else {}
        write_text(self.config_file, json.dumps(content, indent=2) + "\n")

    def derived(self) -> list[str]:
        """Which settings of the run followed from its data; none in those of older versions."""
        content = json.loads(self.config_file.read_text("utf-8"))
        return [str(name) for name in content.get("derived", [])]

    def read_config(self) -> tuple[str, dict[str, Any]]:
        """(model, config).

        Raises: UserError if there is no run here, its config is broken, or a later version's.
        """
        if not self.config_file.exists():
            raise UserError(f"{self.address} is not a run directory: it has no config.json.")
        advice = f"the run was begun with it: put it back, or take {self.address} away"
        content = reading.read_json(self.config_file, CONFIG, advice)
        made_by = content.get("tfgen", "0.1.0")  # which did not say
        model, config = content["model"], content["config"]
        if not re.fullmatch(r"\d+\.\d+(\.\S*)?", made_by if isinstance(made_by, str) else ""):
            raise UserError(f"{self.config_file} is broken ('tfgen' is {made_by!r}); {advice}.")
        dotted = _dotted(config)
        if dotted:
            raise UserError(f"{self.config_file} is broken ({dotted!r} is no setting); {advice}.")
        if isinstance(config["data"].get("size"), int):  # a number before 48x64 could be said
            config["data"]["size"] = str(config["data"]["size"])
        for old, new in RENAMED.get(model, {}).items():
            if old in config["model"]:
                config["model"][new] = config["model"].pop(old)
        if _release(made_by) > _release(tfgen.__version__):
            raise UserError(
                f"the run in {self.address} was made by tfgen {made_by}, and this is "
                f"{tfgen.__version__}: install that version or a later one."
            )
        return model, config

    def read_metrics(self) -> dict[str, Any]:
        """What metrics.json holds.  Raises: UserError, see `read_json`."""
        return self.read_json(self.metrics)

    def read_json(self, path: Path) -> dict[str, Any]:
        """The content of `training` or `metrics`.

        Raises: UserError that says how to make the file, if it is not there or broken.
        """
        makes = {
            self.training: "training",
            self.metrics: f"train.evaluate with `workdir={self.address}`",
        }[path]
        shape = TRAINING if path == self.training else METRICS
        found: dict[str, Any] = reading.read_json(path, shape, f"{makes} writes it anew")
        if path == self.metrics:
            found["features"]["distance"] = distance(found["features"]["distance"])
        return found


def distance(name: str) -> str:
    """What a Frechet distance is called now that a file calls so."""
    return DISTANCES.get(name, name)


def data_name(name: str) -> str:
    """What pages and cards call a data set: of a folder the last name alone, "./pictures"."""
    parts = [part.strip() for part in name.split(",")]
    return ",".join(f"./{Path(p).name}" if p.startswith(("/", ".", "~")) else p for p in parts)


def short_name(model: str) -> str:
    """A model's name in files and titles: of "./my_gan.py" and "mine>MyGAN" the last part."""
    if model.endswith(".py"):
        return Path(model).stem
    return model.rpartition(">")[2].lower() if ">" in model else model


def _dotted(config: dict[str, Any]) -> str:
    """A name with a dot, which no section of a config has; "" where there is none."""
    found = [key if "." in key else "" for key in config]
    found += [_dotted(value) for value in config.values() if isinstance(value, dict)]
    return next(filter(None, found), "")


def _release(version: str) -> tuple[int, ...]:
    """ "0.2.1" -> (0, 2): the versions that write the same files."""
    return tuple(int(part) for part in version.split(".")[:2])
