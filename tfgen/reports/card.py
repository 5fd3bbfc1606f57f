"""The model card of a run: what was trained, on what, how, and what came out."""

import inspect
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import tfgen
from tfgen import run_dir
from tfgen.reports import provenance

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


def text(
    run: "RunDir",
    name: str,
    config: "ConfigDict",
    model: "GenerativeModel",
    training: "ImageData",
    validation: "ImageData",
    facts: Mapping[str, Any],
    numbers: Mapping[str, float],
) -> str:
    """The card as Markdown with the header that model hubs read."""
    doc = inspect.getdoc(sys.modules[type(model).__module__]) or inspect.getdoc(type(model)) or ""
    reference = doc.partition("\n\n")[2].partition("\n\n")[0]
    data = run_dir.data_name(training.name)
    folder = data.startswith(".") or training.name == "arrays"
    whence = provenance.of(run, model)
    use = f"sample(range(64){_asked(model)})" if model.can("sample") else "model.translate(images)"
    versions = {
        p: metadata.version(p) for p in ("tensorflow", "keras", "tensorflow-datasets", "numpy")
    }
    lines = [
        "---",
        "library_name: keras",
        "tags: [tfgen, generative-model, image-generation]",
        # Of a user's own there is no name that a hub knows; nor is a licence ours to give.
        *([] if folder else [f"datasets: [{data}]"]),
        "---",
        "",
        f"# {name} on {data}",
        "",
        provenance.about(model),
        "",
        reference,
        "",
        "| | |",
        "|---|---|",
        f"| density | {model.likelihood_kind} |",
        *([f"| sampled by | {model.condition.description} |"] if model.condition else []),
        f"| trained on | {data} `{training.split}`: {training.size} images "
        f"{training.shape}, {training.levels} levels |",
        f"| validated on | `{validation.split}`, {validation.size} images |",
        f"| steps, batch, seed | {config.steps}, {config.batch_size}, {config.seed} |",
        *([f"| trained by | `{whence['command']}` |"] if "command" in whence else []),
        *([f"| finished | {whence['trained']} |"] if "trained" in whence else []),
        *(f"| {key} | {_words(value)} |" for key, value in facts.items()),
        f"| versions | tfgen {tfgen.__version__}, python {sys.version.split()[0]}, "
        + ", ".join(f"{k} {v}" for k, v in versions.items())
        + " |",
        "",
        "On the validation split:",
        "",
        "| term | value |",
        "|---|---|",
        *(f"| {key} | {value:.4f} |" for key, value in numbers.items()),
        "",
        "All settings are in `config.json`, the course of training in `log.csv`. The same seed",
        "gives the same image:",
        "",
        "```python",
        "import tfgen",
        f'run = tfgen.load("{run.path.name}")  # the folder of this card',
        f"images = run.{use}  # float32 [64, H, W, C] in [0, 1]",
        "```",
        "",
    ]
    return "\n".join(lines)


def _words(value: Any) -> Any:
    """{"step": 3, "metric": "loss"} -> "step 3, metric loss"."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def _asked(model: "GenerativeModel") -> str:
    """What a sample is asked for beside its seed, as an argument that follows it; or ""."""
    if not model.condition:
        return ""
    (example,) = model.condition.words(model.condition.shown(1))
    return f', {model.condition.argument}="{example}"'
