"""What evaluations found, as tables for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfgen import evaluation
from tfgen.metrics import catalogue, errors


def lines(content: Mapping[str, Any]) -> Iterator[str]:
    """A table of the results for the terminal: model, floor, baselines."""
    name = content["model"]["name"]
    columns = {
        name: content["results"],
        **({f"{name} draws": content["draws"]} if content.get("draws") else {}),
        "real images": content["floor"],
        **content["baselines"],
    }
    protocol = content["protocol"]
    features = f", {protocol['features']} features {protocol['features_hash'][:8]}"
    yield (
        f"{content['model']['name']} on {protocol['data']} {protocol['split']!r}: "
        f"{protocol['n']} samples{features if protocol['features'] else ''}"
    )
    yield from table(columns, content["features"]["distance"], content.get("errors", {}))
    if said := chosen_on(content):
        yield f"\n{said}"
    if content.get("samples_are"):
        yield f"\nSamples are {content['samples_are']}."
    if "nll_kind" in content["results"]:
        of = f", of the first {n:,} images" if (n := protocol.get("nll_n")) else ""
        yield f"\nThe NLL is: {content['results']['nll_kind']}{of}"
    for finding in content["diagnosis"]:
        yield f"\n! {finding['problem']}\n  {finding['advice']}"
    for key, why in content["not_measured"].items():
        yield f"not measured: {key}, {why}"


def chosen_on(content: Mapping[str, Any]) -> str:
    """That the images measured on have chosen the step whose weights are kept; "" if they have not.

    The data have no test split then.
    """
    kept = content["model"]["training"].get("kept", {})
    if kept.get("split") != content["protocol"]["split"]:
        return ""
    return (
        f"These images have also chosen step {kept['step']:,} as the best, so its numbers are too "
        "good: only images of a folder `test` would be new to it."
    )


def of_sets(content: Mapping[str, Any]) -> Iterator[str]:
    """What `tfgen.evaluate` found, as a table for the terminal."""
    protocol = content["protocol"]
    yield (
        f"{protocol['of']} of {protocol['images']} against {protocol['of_against']} of "
        f"{protocol['against']}: {protocol['features']} features {protocol['features_hash'][:8]}"
    )
    columns = {"images": content["results"], "real images": content["floor"]}
    yield from table(columns, protocol["distance"], content["errors"])
    yield (
        f"\nReal images: {content['floor']['n']} against the others of {protocol['against']}; with "
        "fewer images distances are greater."
    )
    for key, why in content["not_measured"].items():
        yield f"not measured: {key}, {why}"


def side_by_side(contents: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Results of several runs, and of each but the first where it cannot be told from that one.

    Raises: UserError if their protocols differ.
    """
    (first, reference), *rest = contents.items()
    for path, content in rest:
        evaluation.check_same(reference["protocol"], content["protocol"], (first, path))
    columns = {path: content["results"] for path, content in contents.items()}
    yield from table(columns, reference["features"]["distance"])
    yield ""
    for path, content in rest:
        yield from _told_apart(first, reference, path, content)
    yield (
        "Errors are over samples or images, and are not known of every number. Runs of other "
        "seeds differ further: benchmarks.table trains several."
    )


def _told_apart(
    first: str, reference: Mapping[str, Any], path: str, content: Mapping[str, Any]
) -> Iterator[str]:
    """What two runs share and have errors of, by whether it tells them apart."""
    apart: list[str] = []
    alike: list[str] = []
    for key, metric in catalogue.METRICS.items():
        one, other = (part["results"].get(key) for part in (reference, content))
        spread = [error_of(part, key) for part in (reference, content)]
        known = [error for error in spread if error is not None]
        if not metric.better or one is None or other is None or len(known) < 2:
            continue
        (apart if errors.told_apart(one, other, *known) else alike).append(metric.title)
    if apart:
        yield f"{path} differs from {first} in: {', '.join(apart)}"
    if alike:
        yield f"{path} is not distinguishable from {first} by: {', '.join(alike)}"


def error_of(content: Mapping[str, Any], key: str) -> float | None:
    """The standard error over images of a result, None where it is not known."""
    found = content.get("errors", {}).get(key)
    return found if found is not None else content["results"].get(catalogue.ERRORS.get(key, ""))


def table(
    columns: Mapping[str, Mapping[str, float]],
    distance: str,
    of_first: Mapping[str, float] | None = None,
) -> Iterator[str]:
    """{column: {metric: number}} -> lines, one a metric that any column has.

    of_first: {metric: standard error} of the first column, which stand in a column behind it.
    """
    if of_first:
        (name, results), *others = columns.items()
        columns = {name: results, "error": of_first, **dict(others)}
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
