"""The model card of a run: what was trained, on what, how, and what came out."""

import inspect
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import tfgen
from tfgen import run_dir
from tfgen.metrics import catalogue
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


def of_preset(
    run: "RunDir", model: "GenerativeModel", content: Mapping[str, Any], licence: str
) -> str:
    """The card of a packed run: what it is, whence, and what its weights are worth.

    content: of its metrics.json.
    """
    name, config = run.read_config()
    whence, protocol = provenance.of(run, model), content["protocol"]
    data, training = run_dir.data_name(config["data"]["name"]), content["model"]["training"]
    size = " x ".join(map(str, model.image_shape))
    rows = {
        "paper": whence.get("paper", ""),
        "density": model.likelihood_kind,
        "sampled by": model.condition.description if model.condition else "",
        "makes": f"images of {size}, {model.levels} levels",
        "trained on": f"{data} `{protocol['train']}`",
        "licence of the data": licence,
        "licence of the weights": "Apache 2.0",
        "trained by": f"`{whence['command']}`" if "command" in whence else "",
        "finished": whence.get("trained", ""),
        "steps, batch, seed": f"{config['steps']}, {config['batch_size']}, {config['seed']}",
        "seconds": f"{training['seconds']:.0f}" if training else "",
        "parameters": f"{training['parameters']:,}" if training else "",
    }
    real, distance = content["floor"], content["features"]["distance"]
    numbers = [
        f"| {distance if key == 'frechet' else metric.title} "
        f"| {catalogue.text(key, content['results'][key])} | {catalogue.text(key, real.get(key))} |"
        for key, metric in catalogue.METRICS.items()
        if content["results"].get(key) is not None
    ]
    use = f"sample(range(64){_asked(model)})" if model.can("sample") else "model.translate(images)"
    kind = (
        [f"The NLL is: {content['results']['nll_kind']}", ""] if "nll" in content["results"] else []
    )
    found = [f"- {finding['problem']} {finding['advice']}" for finding in content["diagnosis"]]
    lines = [
        *("---", "library_name: keras", "license: apache-2.0"),
        *("tags: [tfgen, generative-model, image-generation]", f"datasets: [{data}]", "---", ""),
        *(f"# {run_dir.short_name(name)} on {data}", "", provenance.about(model), ""),
        *("| | |", "|---|---|"),
        *(f"| {key} | {value} |" for key, value in rows.items() if value),
        "",
        "Weights are float16, and zero where neither samples nor codes depend on them: training",
        f"cannot go on from here. Measured with them, on `{protocol['split']}` by {protocol['n']}",
        "samples, beside what real images get:",
        "",
        *("| | this model | real images |", "|---|---:|---:|"),
        *numbers,
        "",
        *kind,
        *([*found, ""] if found else []),
        *("```python", "import tfgen", ""),
        f'run = tfgen.load("zoo:{run_dir.short_name(name)}/{data}")  # or where this card lies',
        f"images = run.{use}  # float32 [64, H, W, C] in [0, 1]",
        *("```", ""),
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
