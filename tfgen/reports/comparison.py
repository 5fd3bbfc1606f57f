"""What evaluations found, as tables for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfgen import evaluation
from tfgen.metrics import catalogue


def lines(content: Mapping[str, Any]) -> Iterator[str]:
    """A table of the results for the terminal: model, floor, baselines."""
    columns = {
        content["model"]["name"]: content["results"],
        "real": content["floor"],
        **content["baselines"],
    }
    protocol = content["protocol"]
    features = f", {protocol['features']} features {protocol['features_hash'][:8]}"
    yield (
        f"{content['model']['name']} on {protocol['data']} {protocol['split']!r}: "
        f"{protocol['n']} samples{features if protocol['features'] else ''}"
    )
    yield from table(columns, content["features"]["distance"])
    if "nll_kind" in content["results"]:
        yield f"\nThe NLL is: {content['results']['nll_kind']}"
    for finding in content["diagnosis"]:
        yield f"\n! {finding['problem']}\n  {finding['advice']}"
    for key, why in content["not_measured"].items():
        yield f"not measured: {key}, {why}"


def side_by_side(contents: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Results of several runs.  Raises: UserError if their protocols differ."""
    (first, reference), *rest = contents.items()
    for path, content in rest:
        evaluation.check_same(reference["protocol"], content["protocol"], (first, path))
    columns = {path: content["results"] for path, content in contents.items()}
    yield from table(columns, reference["features"]["distance"])


def table(columns: Mapping[str, Mapping[str, float]], distance: str) -> Iterator[str]:
    """{column: {metric: number}} -> lines, one a metric that any column has."""
    heads = [name.split(" ", 1) for name in columns]
    widths = [max(8, *map(len, head)) for head in heads]
    titles = {
        key: distance if key == "frechet" else metric.title
        for key, metric in catalogue.METRICS.items()
        if any(key in column for column in columns.values())
    }
    left = max([26, *map(len, titles.values())])
    for row in (0, 1):
        words = [head[row] if row < len(head) else "" for head in heads]
        yield "  ".join([" " * left, *(f"{w:>{n}}" for w, n in zip(words, widths, strict=True))])
    for key, title in titles.items():
        cells = [
            f"{catalogue.text(key, column.get(key)):>{width}}"
            for column, width in zip(columns.values(), widths, strict=True)
        ]
        yield "  ".join([f"{title:{left}}", *cells])
