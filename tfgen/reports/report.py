"""report.html of an evaluated run: pictures first, then numbers beside what others get."""

import html
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import reading
from tfgen.metrics import catalogue
from tfgen.reports import comparison, page, provenance, table
from tfgen.reports.subject import Subject
from tfgen.run_dir import data_name

if TYPE_CHECKING:
    from tfgen.evaluation import Splits
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.run_dir import RunDir


ARROWS = {"lower": " ↓", "higher": " ↑", "": ""}  # which way is better
# Baselines that know what a model should find out.
ORACLES = ("memoriser", "truth", "paired network")
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
    folder, data = run.dir, data_name(protocol["data"])
    subject = Subject(
        run.model,
        lambda: splits.held_out,
        splits.about.classes,
        train=splits.train["image"],
        grids=folder.sample_grids(),
        data=splits.about.name,
    )
    body = [
        f"<h1>{html.escape(name)} on {html.escape(data)}</h1>",
        provenance.paragraph(run.dir, run.model),
        f"<p>{html.escape(_summary(content))}</p>",
        tiles(content),
        diagnosis(content),
        pictures(subject),
        rulers(content),
        curves(folder, content),
        details(content),
        settings(content, run.config),
    ]
    return page.document(f"{name} on {data}", "\n".join(body))


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
    if content.get("samples_are"):
        words.append(f"Samples are {content['samples_are']}.")
    words.append(f"Measured on the split {protocol['split']!r}, which training has not seen.")
    words.append(comparison.chosen_on(content))
    return " ".join(words).strip()


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
        if found.get(metric.key) is not None and name not in ORACLES
    ]
    if not values or not metric.better:
        return None
    choose = min if metric.better == "lower" else max
    return choose(values, key=lambda item: item[1])


def diagnosis(content: Mapping[str, Any]) -> str:
    found = [
        f'<div class="finding"><b>{html.escape(finding["problem"])}</b>'
        f"<p>{page.words(finding['advice'])}</p></div>"
        for finding in content["diagnosis"]
    ] or ['<div class="good">No rule found anything wrong. Look at the samples all the same.</div>']
    return page.section("Diagnosis", "", *found)


def pictures(subject: Subject) -> str:
    """What can be seen."""
    parts = []
    drawn = table.drawn(subject, "report")
    for narrow, group in itertools.groupby(drawn, key=lambda found: found[0].narrow):
        sections = "".join(table.section(*found) for found in group)
        parts.append(f'<div class="two">{sections}</div>' if narrow else sections)
    return "".join(parts)


def rulers(content: Mapping[str, Any]) -> str:
    """Every metric with floor and baselines."""
    parts = [
        page.legend(
            ["this model", "real images", "trivial generators"], ["--accent", "--real", "--base"]
        )
    ]
    for group, metrics in catalogue.GROUPS.items():
        rows = [_ruler(content, metric) for metric in metrics]
        rows = [row for row in rows if row]
        if rows:
            parts.append(f"<h3>{group}</h3>{''.join(rows)}")
    text = (
        "The arrow says which way is better. Real images: training images against the held-out "
        "ones that samples meet, which no model beats but by chance. The memoriser, which repeats "
        "training images, shows what a number cannot see."
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
    names, rows = reading.read_rows(path)
    return {name: [(step, row[i]) for step, row in rows.items()] for i, name in enumerate(names)}


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
