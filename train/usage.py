"""What --help says of a model's settings, and --list of the models."""

import ast
import json
import textwrap
from pathlib import Path

from ml_collections import ConfigDict

from tfgen import settings

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
# Where a model was measured, the first of these that has it.
MEASURED_ON = ("digits", "digit_styles", "shapes_by_caption")


def help_text(usage: str, model: str | None, config: ConfigDict | None) -> str:
    """The usage, and with a model its settings: default, meaning, type and range of each."""
    lines = [usage, "", f"Models: {', '.join(settings.names())}."]
    if model and config:
        lines += ["", f"Settings of {model}, with their defaults. For larger images, or many,"]
        lines += ["what is not given follows from them (docs/rules.md): --dry_run shows it.", ""]
        for key in settings.keys(config):
            lines.append(f"  --config.{key}={settings.value(config, key)}")
            lines += [f"      {line}" for line in textwrap.wrap(settings.meaning(key, model), 88)]
    return "\n".join(lines)


def list_text() -> str:
    """Every model: what a training by its config has cost, and what the model is."""
    costs = _costs()
    lines = [
        "Seconds and peak memory of a training on a core or two, as benchmarks/results has them;",
        "on digits, where nothing else is said.",
        "",
        f"{'model':24}{'s':>6}{'MB':>6}  what it is",
    ]
    for model in settings.names():
        doc = ast.get_docstring(ast.parse(settings.model_file(model).read_text("utf-8"))) or ""
        data, seconds, memory = costs.get(model, ("", "-", "-"))
        title = " ".join(doc.partition("\n\n")[0].split())
        also = f" (on {data})" if data not in ("", "digits") else ""
        lines.append(f"{model:24}{seconds:>6}{memory:>6}  {title}{also}")
    return "\n".join(lines)


def _costs() -> dict[str, tuple[str, str, str]]:
    """{model: (data set, seconds, MB)}, "-" for what was not measured."""
    found: dict[str, tuple[str, str, str]] = {}
    for data in reversed(MEASURED_ON):
        file = RESULTS / f"{data}.json"
        measured = json.loads(file.read_text("utf-8"))["models"] if file.exists() else {}
        for model, row in measured.items():
            numbers = row.get("seconds"), row.get("peak_memory_mb")
            seconds, memory = ("-" if n is None else f"{n:.0f}" for n in numbers)
            found[model] = data, seconds, memory
    return found
