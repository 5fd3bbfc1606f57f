"""A page that runs many finished models in the browser, side by side: `site/gallery`.

    index.html, gallery.js ...   the page; engine.js and vendor/ are those of the demo
    about.json                   what the page has to know of each model, its numbers among them
    models/NAME.tflite.gz        the models, each fetched when it is first wanted
    models/NAME.png              seeds 0 to 63, as Keras draws them: shown before anything is run

Numbers stand beside those of real images and of trivial generators, as the run's evaluation has
them.
"""

import gzip
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import files, startup
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.errors import UserError, one_of
from tfgen.exporting import demo, levels, tflite
from tfgen.metrics import catalogue
from tfgen.reports import figures, provenance
from tfgen.run_dir import data_name

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


SEEDS = 64
BATCH = 16  # images that Keras draws at once
# What a stranger is told first; the rest stands in a run's own report.
TOLD = (
    *("nll", "frechet", "precision", "recall", "coverage", "label_accuracy", "caption_all"),
    *("mse", "knn"),
)
FEW = 4  # numbers of a code that all get a slider


def export_runs(
    runs: "Sequence[FinishedRun]",
    out: str | os.PathLike = "site",
    precision: str = "float16",
) -> Path:
    """Writes the gallery of `Run`s into the folder `out`. Returns its path.

    runs: in the order of the page.

    Raises: UserError for an unknown precision, no runs, two of one name, a run that makes images of
      images, or a folder that holds something else.
    """
    one_of("precision", precision, tflite.PRECISIONS)
    names = [re.sub(r"[^\w-]+", "-", f"{run.name}-{_data(run)}") for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not runs or twice:
        raise UserError(f"a gallery takes runs of different models or data; given: {names}.")
    demo.check_out(out)
    with files.folder(out) as new:
        (new / "models").mkdir()
        with startup.loading_tensorflow():
            entries = [
                _add(run, name, precision, new / "models")
                for name, run in zip(names, runs, strict=True)
            ]
            size = demo.copy_site("gallery", new)
        about = {"runtime_bytes": size, "models": entries}
        # Every visitor fetches it first, so no blank is written.
        text = json.dumps(about, separators=(",", ":"), allow_nan=False)
        files.write_text(new / demo.ABOUT, text + "\n")
    return Path(out)


def _data(run: "FinishedRun") -> str:
    return data_name(run.config["data"]["name"]).removeprefix("./")


def _add(run: "FinishedRun", name: str, precision: str, folder: Path) -> dict[str, Any]:
    """Writes a model's file and picture; what the page has to know of it."""
    model = run.model
    suited = precision if precision in tflite.offered(model) else "float32"
    whence = provenance.of(run.dir, model)
    about, content = demo.described(
        model, run.name, _data(run), suited, demo.attributes(run), whence
    )
    del about["seeds"]  # golden.json's: the picture beside has them
    packed = gzip.compress(content, mtime=0)
    (folder / f"{name}.tflite.gz").write_bytes(packed)
    images, rows = _first(model)
    # Without gaps and at their own size: the page cuts it and enlarges.
    figures.save(folder / f"{name}.png", _sheet(images))
    return {
        "id": name,
        **about,
        "bytes": len(packed),
        "density": model.likelihood_kind,
        "parameters": model.parameter_count(),
        "sliders": _sliders(model, about["latents"]),
        "first_conditions": [] if rows is None else _words(model, rows),
        "numbers": _numbers(run),
        "findings": _findings(run),
    }


def _first(model: "GenerativeModel") -> tuple[np.ndarray, np.ndarray | None]:
    """Images of seeds 0 to 63 by Keras, with conditions in turn, and these."""
    make = compiled(model.sample)
    rows = conditions.defaults(model.condition, SEEDS)
    parts = []
    for first in range(0, SEEDS, BATCH):
        part = slice(first, first + BATCH)
        seeds = np.arange(SEEDS, dtype=np.int32)[part]
        parts.append(make(seeds, *([] if rows is None else [rows[part]])).numpy())
    return np.concatenate(parts), rows


def _words(model: "GenerativeModel", rows: np.ndarray) -> list[Any]:
    """The conditions of the first picture as the page has them: numbers of classes, or captions."""
    if isinstance(model.condition, conditions.Labels):
        return [int(row) for row in rows]
    return model.condition.words(rows) if model.condition else []


def _sheet(images: np.ndarray, columns: int = 8) -> np.ndarray:
    """Images [N, H, W, C] in rows without gaps: uint8 [height, width, 3]."""
    pixels = levels.pixels(images)
    n, h, w, c = pixels.shape
    rows = pixels.reshape(n // columns, columns, h, w, c).swapaxes(1, 2)
    whole = rows.reshape(n // columns * h, columns * w, c)
    return whole.repeat(3, axis=-1) if c == 1 else whole


def _sliders(model: "GenerativeModel", latents: Sequence[int]) -> list[dict[str, Any]]:
    """What sliders move: {"noise", "index", "low", "high"} of each.

    Codes of few numbers, as InfoGAN's, all; of the latent vector the numbers that tell.
    """
    noise = {k: np.asarray(v) for k, v in model.noise(np.arange(256, dtype=np.int32)).items()}
    limit = 1.0 if getattr(model, "prior", "normal") == "uniform" else 3.0
    found = [
        {
            "noise": name,
            "index": i,
            "low": _round(values[:, i].min()),
            "high": _round(values[:, i].max()),
        }
        for name, values in noise.items()
        if "z" in noise and name != "z" and values.ndim == 2 and values.shape[1] <= FEW
        for i in range(values.shape[1])
    ]
    return found + [{"noise": "z", "index": i, "low": -limit, "high": limit} for i in latents]


def _round(value: float) -> float:
    return float(np.round(value, 1))


def _numbers(run: "FinishedRun") -> list[dict[str, Any]]:
    """What the run is worth, of metrics.json: a row a number; [] where it was not measured."""
    if not run.dir.metrics.exists():
        return []
    content = run.dir.read_metrics()
    results, protocol = content["results"], content["protocol"]
    found = []
    for key in TOLD:
        metric, value = catalogue.METRICS.get(key), results.get(key)
        if metric is None or value is None:
            continue
        others = {"real images": content["floor"], **content["baselines"]}
        marks = {name: of[key] for name, of in others.items() if of.get(key) is not None}
        title = content["features"]["distance"] if key == "frechet" else metric.title
        bound = key == "nll" and "bound" in str(results.get("nll_kind", ""))
        found.append(
            {
                "key": key,
                "title": title + (f", {metric.unit}" if metric.unit else ""),
                "meaning": metric.meaning,
                "better": metric.better,
                "value": value,
                "text": ("≤ " if bound else "") + catalogue.text(key, value),
                "marks": {name: [mark, catalogue.text(key, mark)] for name, mark in marks.items()},
                "of": f"{protocol['n']} samples, {protocol['split']} split",
            }
        )
    return found


def _findings(run: "FinishedRun") -> list[str]:
    """What the evaluation saw wrong with the run, in words."""
    if not run.dir.metrics.exists():
        return []
    return [str(finding["problem"]) for finding in run.dir.read_metrics()["diagnosis"]]
