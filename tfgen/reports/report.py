"""report.html of an evaluated run: pictures first, then numbers beside what others get."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data import conditions
from tfgen.evaluation.protocol import flat
from tfgen.metrics import catalogue, neighbours
from tfgen.reports import figures, page

if TYPE_CHECKING:
    from tfgen.evaluation import Splits
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


SHOWN = 64
ARROWS = {"lower": " ↓", "higher": " ↑", "": ""}  # which way is better
# Baselines that know what a model should find out.
KNOWING = ("memoriser", "truth", "paired network")
# The first that a model has of each line becomes a tile at the top of the page.
HEADLINES = (
    ("nll", "mse", "translation_error_y"),
    ("modes", "frechet", "frechet_y"),
    ("caption_all", "high_quality", "coverage", "labels_kept_y"),
    ("r_precision", "recall", "labels_kept_x"),
    ("mig", "knn", "reverse_kl", "copy_ratio"),
)


def page_of(run: "FinishedRun", content: Mapping[str, Any], splits: "Splits") -> str:
    """The whole page, from what metrics.json holds and the pictures that the model makes."""
    name, protocol = content["model"]["name"], content["protocol"]
    model, folder = run.model, run.dir
    body = [
        f"<h1>{html.escape(name)} on {html.escape(protocol['data'])}</h1>",
        f"<p>{html.escape(_summary(content))}</p>",
        tiles(content),
        diagnosis(content),
        growth(folder, model),
        pictures(splits, model),
        rulers(content),
        curves(folder, content),
        details(content),
        settings(content, run.config),
    ]
    return page.document(f"{name} on {protocol['data']}", "\n".join(body))


def _summary(content: Mapping[str, Any]) -> str:
    about, protocol = content["model"], content["protocol"]
    training = about["training"]
    words = [f"Density: {about['density']}."]
    if training:
        words.append(
            f"{training['parameters']:,} parameters, {training['steps']:,} steps, "
            f"{training['seconds']:.0f} s."
        )
        if "kept" in training:
            kept = training["kept"]
            words.append(
                f"Kept is step {kept['step']:,}, the best {kept['metric']} on the validation split."
            )
    words.append(f"Measured on the split {protocol['split']!r}, which training has not seen.")
    return " ".join(words)


def title(content: Mapping[str, Any], key: str) -> str:
    return content["features"]["distance"] if key == "frechet" else catalogue.METRICS[key].title


def tiles(content: Mapping[str, Any]) -> str:
    results, found = content["results"], []
    for keys in HEADLINES:
        key = next((key for key in keys if results.get(key) is not None), None)
        if key is None:
            continue
        metric = catalogue.METRICS[key]
        notes = []
        if content["floor"].get(key) is not None:
            notes.append(f"real images {catalogue.text(key, content['floor'][key])}")
        best = _best_trivial(content, metric)
        if best:
            notes.append(f"best trivial {catalogue.text(key, best[1])} ({best[0]})")
        number = f"{catalogue.text(key, results[key])} <i>{metric.unit}</i>"
        found.append(page.tile(title(content, key), number, "; ".join(notes)))
    return f'<div class="tiles">{"".join(found)}</div>'


def _best_trivial(content: Mapping[str, Any], metric: catalogue.Metric) -> tuple[str, float] | None:
    """(name, number) of the best baseline; those that know the answer are none."""
    values = [
        (name, found[metric.key])
        for name, found in content["baselines"].items()
        if found.get(metric.key) is not None and name not in KNOWING
    ]
    if not values or not metric.better:
        return None
    choose = min if metric.better == "lower" else max
    return choose(values, key=lambda item: item[1])


def diagnosis(content: Mapping[str, Any]) -> str:
    found = [
        f'<div class="finding"><b>{html.escape(finding["problem"])}</b>'
        f"<p>{html.escape(finding['advice'])}</p></div>"
        for finding in content["diagnosis"]
    ] or ['<div class="good">No rule found anything wrong. Look at the samples all the same.</div>']
    return page.section("Diagnosis", "", *found)


def growth(run: "RunDir", model: "GenerativeModel") -> str:
    """What the same seeds gave while the networks grew."""
    grids = run.sample_grids()
    if not (model.can("phases") and grids):
        return ""
    return page.section(
        "Growth",
        "The same seeds in the middle of each fade and at the end of each size.",
        page.picture(figures.growth(grids, model.phases()), "samples while the networks grew"),
    )


def pictures(splits: "Splits", model: "GenerativeModel") -> str:
    """What can be seen: samples beside data, nearest training images, what codes keep."""
    parts = []
    real = splits.unit(splits.held_out["image"][:SHOWN])
    train = splits.unit(splits.train["image"])
    points = real.shape[1:3] == (1, 1)
    if model.can("sample"):
        count = 2500 if points else SHOWN
        rows = conditions.defaults(model.condition, count)
        fake = np.asarray(model.sample(range(count), rows))
        shown = splits.unit(splits.held_out["image"][:count])
        parts.append(
            '<div class="two">'
            + page.section(
                "Samples",
                f"Seeds 0 to {count - 1}, not chosen.",
                page.picture(figures.tile(fake, 8), "samples"),
            )
            + page.section(
                "Held-out images",
                "The first of the split, for comparison.",
                page.picture(figures.tile(shown, 8), "real images"),
            )
            + "</div>"
        )
        if not points:
            parts.append(nearest(splits.quantised(fake), train))
    if model.condition and model.can("sample") and not points:
        kind, drawn = model.condition.argument, figures.by_condition(model)
        parts.append(
            page.section(
                f"{kind.capitalize()}s",
                f"A row is a {kind}, a column a seed.",
                page.picture(drawn, f"samples by {kind}"),
            )
        )
    if model.can("translate"):
        other = splits.unit(splits.held_out["other"])
        drawn = figures.translations(model.translate, real[:32], other[:32])
        parts.append(
            page.section(
                "Translations",
                "Threes of rows: held-out images of X, as images of Y, and those back in X; below "
                "them the same from Y.",
                page.picture(drawn, "translations"),
            )
        )
    if model.can("reconstruct") and not points:
        first = real[:32]
        kept = np.asarray(model.reconstruct(first))
        parts.append(
            page.section(
                "Reconstructions",
                "Held-out images, and below each what its code keeps of it.",
                page.picture(figures.stacked(first, kept), "reconstructions"),
            )
        )
    if model.can("denoise"):
        noisy = np.asarray(model.corrupt(real[:32], np.arange(32, dtype=np.int32)))
        drawn = figures.stacked(real[:32], noisy, np.asarray(model.denoise(noisy)))
        parts.append(
            page.section(
                "Denoising",
                "Held-out images, as the model is given them, and as it cleans them.",
                page.picture(drawn, "denoising"),
            )
        )
    if model.can("complete"):
        drawn = figures.completion(model, real[:32])
        parts.append(
            page.section(
                "Completion",
                "Held-out images, their upper halves, and what the model makes of those.",
                page.picture(drawn, "completion"),
            )
        )
    if model.can("filters"):
        parts.append(
            page.section(
                "Filters",
                "What each hidden unit adds up: white counts for it, black against it.",
                page.picture(figures.filters(model.filters()), "filters"),
            )
        )
    if model.can("mixing"):
        parts.append(
            page.section(
                "Mixing",
                "Each row begins with a held-out image; the model's chain goes on from it. A chain "
                "that mixes leaves its digit and comes to others.",
                page.picture(figures.mixing(model, real[:12]), "mixing"),
            )
        )
    if model.can("pixel_log_prob") and not points:
        drawn = figures.surprise(real[:32], model.pixel_log_prob(real[:32]))
        parts.append(
            page.section(
                "Surprise",
                "Held-out images, and -log p of each pixel given those before it: the brighter the "
                "less expected.",
                page.picture(drawn, "surprise"),
            )
        )
    if model.can("generate") and hasattr(model, "prior") and not points:
        parts.append(
            page.section(
                "Interpolations",
                "From one seed's latents to another's. Sudden jumps mean memorised images.",
                page.picture(figures.interpolation(model), "interpolations"),
            )
        )
    return "".join(parts)


def nearest(fake: np.ndarray, train: np.ndarray, columns: int = 16) -> str:
    """The samples that lie nearest to training images, above those images."""
    distances, indices = neighbours.nearest(flat(fake), flat(train))
    order = np.argsort(distances)[:columns]
    rows = np.concatenate([fake[order], train[indices[order]]])
    return page.section(
        "Nearest training images",
        f"Of the {len(fake)} samples the {len(order)} that lie nearest to a training image, and "
        "below each that image. Pairs that are equal are copies.",
        page.picture(figures.tile(rows, columns), "samples and their nearest training images"),
    )


def rulers(content: Mapping[str, Any]) -> str:
    """Every metric with floor and baselines."""
    parts = [
        page.key(
            ["this model", "real images", "trivial generators"], ["--accent", "--real", "--base"]
        )
    ]
    for group, metrics in catalogue.GROUPS.items():
        rows = [_ruler(content, metric) for metric in metrics]
        rows = [row for row in rows if row]
        if rows:
            parts.append(f"<h3>{group}</h3>{''.join(rows)}")
    text = (
        "The arrow says which way is better. Real images: two draws of training images against "
        "each other. The memoriser, which repeats training images, shows what a number cannot see."
    )
    return page.section("Numbers", text, *parts)


def marks(content: Mapping[str, Any], key: str) -> dict[str, tuple[float, str]]:
    """What a ruler shows of others: {name: (number, colour)} of baselines and real images."""
    found = {
        name: (numbers[key], "--base")
        for name, numbers in content["baselines"].items()
        if numbers.get(key) is not None
    }
    if content["floor"].get(key) is not None:
        found["real"] = (content["floor"][key], "--real")
    return found


def _ruler(content: Mapping[str, Any], metric: catalogue.Metric) -> str:
    value = content["results"].get(metric.key)
    if value is None:
        return ""
    shown = catalogue.text(metric.key, value) + (f" {metric.unit}" if metric.unit else "")
    meaning = metric.meaning
    if metric.key == "nll":
        meaning += f". Here: {content['results']['nll_kind']}"
    name = title(content, metric.key) + ARROWS[metric.better]
    return page.ruler(name, shown, value, meaning, marks(content, metric.key))


def curves(run: "RunDir", content: Mapping[str, Any]) -> str:
    """log.csv and validation.csv over the steps."""
    log = page.section("Training", "Means over each interval.", page.chart(read_log(run.log)))
    kept = content["model"]["training"].get("kept")
    if not kept or not run.validation.exists():
        return log
    series = {kept["metric"]: read_log(run.validation)[kept["metric"]]}
    text = "The dashed line is the step whose weights were kept."
    watched = page.section("Validation", text, page.chart(series, marked=kept["step"]))
    return f'<div class="two">{log}{watched}</div>'


def read_log(path: Path) -> dict[str, list[tuple[int, float]]]:
    """A csv of steps -> {column: [(step, value)]}."""
    if not path.exists():
        return {}
    head, *rows = (line.split(",") for line in path.read_text().splitlines())
    return {
        name: [(int(row[0]), float(row[i])) for row in rows] for i, name in enumerate(head) if i
    }


def details(content: Mapping[str, Any]) -> str:
    """Class shares and the KL of each unit."""
    found, parts = content["details"], []
    if "class_shares" in found:
        series = {"samples": found["class_shares"], "held-out images": found["real_shares"]}
        parts.append(
            page.section(
                "Classes",
                "What the classifier takes samples for, and held-out images.",
                page.bars(found["classes"], series),
            )
        )
    if "kl_per_unit" in found:
        units = sorted(found["kl_per_unit"], reverse=True)
        parts.append(
            page.section(
                "What each code unit carries",
                "KL of each unit from what the prior has for it, in nats, the mean over held-out "
                "images, sorted.",
                page.bars(range(1, len(units) + 1), {"KL": units}),
            )
        )
    return f'<div class="two">{"".join(parts)}</div>'


def settings(content: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """How it was measured and trained, to read when in doubt."""

    def block(name: str, value: Any) -> str:
        text = html.escape(json.dumps(value, indent=2))
        return f"<details><summary>{name}</summary><pre>{text}</pre></details>"

    return page.section(
        "Protocol and settings",
        "Numbers of different protocols do not compare; train.evaluate --compare refuses them.",
        block("protocol", content["protocol"]),
        block("features", content["features"]),
        block("config", config),
        block("versions", content["versions"]),
        block("not measured", content["not_measured"]),
    )
