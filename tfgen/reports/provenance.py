"""Whence a run comes: what its model is, from which paper, trained when, by which command."""

import contextlib
import html
import inspect
import json
import shlex
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import run_dir, settings
from tfgen.errors import UserError
from tfgen.reports import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


def of(run: "RunDir", model: "GenerativeModel") -> dict[str, str]:
    """{"model", "paper", "trained", "seed", "command"} of a run, for people; no path of a machine.

    What is not known is left out: the day of a model file of another program, the command of a
    training in Python.
    """
    kind, config = run.read_config()
    found = {
        "model": about(model),
        "paper": ", ".join(filter(None, model.paper)),
        "trained": _day(run.model),
        "seed": str(config["seed"]),
        "command": _command(kind, config),
    }
    return {key: value for key, value in found.items() if value}


def paragraph(run: "RunDir", model: "GenerativeModel") -> str:
    """The same as two lines of an HTML page."""
    told = of(run, model)
    found = {key: html.escape(value) for key, value in told.items()}
    found["model"] = found["model"].rstrip(".")
    paper = f" ({found['paper']})" if "paper" in found else ""
    when = f" on {found['trained']}" if "trained" in found else ""
    how = f": {page.command(told['command'])}" if "command" in told else ", in Python"
    return f"<p>{found['model']}{paper}.</p><p>Trained{when} with seed {found['seed']}{how}</p>"


def about(model: "GenerativeModel") -> str:
    """What a model is, the first sentence of its file."""
    # A class that a user defined in a script may have no words at all.
    kind = type(model)
    doc = inspect.getdoc(sys.modules[kind.__module__]) or inspect.getdoc(kind) or kind.__name__
    return " ".join(doc.partition("\n\n")[0].split())


def _day(model: Path) -> str:
    """When Keras wrote a model file, in the clock of that machine; "" where it does not say."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        with zipfile.ZipFile(model) as file:
            saved = json.loads(file.read("metadata.json"))["date_saved"]
        return saved.partition("@")[0]
    return ""


def _command(kind: str, config: "Mapping[str, Any]") -> str:
    """What trains such a run from a shell; "" where arrays or a class of a script were given."""
    data = config["data"]["name"]
    if ">" in kind or config["data"].get("fingerprint"):
        return ""
    try:
        known = settings.flat(settings.find(kind, data))
        known["data.name"] = settings.find(kind).data.name
    except UserError:  # the model's own file is not here any more
        return ""
    model = f"./{Path(kind).name}" if settings.is_file(kind) else kind
    shown = settings.flat(config) | {"data.name": run_dir.data_name(data)}
    # What a version before did not write down had the value that is the default now.
    changed = [
        f"--config.{key}={shown[key]}" for key in known if shown.get(key, known[key]) != known[key]
    ]
    return shlex.join(["python", "-m", "train.run", f"--model={model}", *changed])
