"""Measure a finished run: python -m train.evaluate --workdir=DIR

Everything that applies to the model's capabilities: likelihood, samples, modes, codes; beside each
number what real images and trivial generators get. Writes metrics.json and report.html there.

    python -m train.evaluate --compare=DIR,DIR

prints evaluated runs side by side, if they were measured alike.
"""

import argparse
import hashlib
import json
import math
import sys
from importlib import metadata

from tfgen import command, quiet
from tfgen.errors import UserError, one_of
from train.finished import open_run

KINDS = ("auto", "classifier", "inception", "textures")
PARTS = ("samples", "likelihood", "codes", "translations", "captions")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluate", description=__doc__.partition("\n\n")[2]
    )
    parser.add_argument("--workdir", default="", help="a finished run directory")
    parser.add_argument("--split", default="", help="by default test, else the run's validation")
    parser.add_argument("--n", type=int, default=0, help="samples (as many as held-out images)")
    parser.add_argument("--k", type=int, default=1000, help="importance samples of a bound (1000)")
    parser.add_argument("--features", default="auto", help=", ".join(KINDS))
    parser.add_argument("--inception", default="", help="path of classify_image_graph_def.pb")
    parser.add_argument("--inception_sha256", default="", help="its SHA-256, from its source")
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure (all)")
    parser.add_argument("--compare", default="", help="evaluated runs to print side by side: A,B")
    return parser.parse_args(argv)


def check(options):
    """Raises: UserError for options that cannot be meant."""
    if bool(options.workdir) == bool(options.compare):
        raise UserError("give either --workdir=DIR, to measure a run, or --compare=DIR,DIR.")
    one_of("--features", options.features, KINDS)
    for part in options.parts.split(","):
        one_of("--parts", part, PARTS)
    if options.n < 0:
        raise UserError(f"--n={options.n}: the number of samples is positive.")
    if options.k < 1:
        raise UserError(f"--k={options.k}: a bound takes at least 1 importance sample.")
    inception = options.features == "inception"
    given = [bool(options.inception), bool(options.inception_sha256)]
    if (inception and not all(given)) or (not inception and any(given)):
        raise UserError(
            "--features=inception, --inception=PATH and --inception_sha256=HEX go together: the "
            "weights are the graph of inception-2015-12-05.tgz, and their digest is for you to "
            "take from where you trust it."
        )


def main(argv=None):
    """Returns the exit status."""
    return command.status(_run, parse(argv))


def _run(options):
    check(options)
    with quiet.loading_tensorflow():
        import tensorflow as tf

        from tfgen import run_dir
        from train import report
        from train.progress import Stages
    if options.compare:
        runs = [run_dir.RunDir(path) for path in options.compare.split(",")]
        print("\n".join(side_by_side({str(r.path): r.read_json(r.metrics) for r in runs})))
        return
    run = run_dir.RunDir(options.workdir)
    tf.config.experimental.enable_op_determinism()
    progress = Stages()
    try:
        content, splits, model = measure(run, options, progress)
    finally:
        progress.close()
    run_dir.write_text(run.metrics, json.dumps(content, indent=2, allow_nan=False) + "\n")
    run_dir.write_text(run.report, report.page_of(run, content, splits, model))
    print("\n".join(lines(content)))
    print(f"\nwrote {run.metrics}\nwrote {run.report}")


def measure(run, options, progress):
    """(what metrics.json holds, the splits, the model).

    Raises: UserError for an unfinished run, or a split that cannot be measured.
    """
    from tfgen import evaluation
    from tfgen.evaluation import protocol as protocols
    from tfgen.metrics import features as feature_networks

    finished = open_run(run.path)
    name, config, model = finished.name, finished.config, finished.model
    if not run.complete:
        raise UserError(f"the run in {run.path} is not complete: it has no card.md yet.")
    chosen, without = config["data"], config["data"].get("leave_out", "")
    training, split = finished.training, options.split or finished.test
    splits = evaluation.Splits.load(finished.source, training.split, split, model)
    inception = (options.inception, options.inception_sha256)
    parts, features = options.parts.split(","), None
    if "samples" in parts:
        progress("features", 0.0)
        features = feature_networks.choose(
            options.features, splits.train, splits.held_out, training.levels, inception
        )
    protocol = evaluation.Protocol(
        data=chosen["name"] + (f" without {without}" if without else ""),
        size=chosen["size"],
        train=training.split,
        split=split,
        n=options.n or min(len(splits.held_out["image"]), protocols.MOST_SAMPLES),
        seed=protocols.FIRST_SEED,
        k=options.k,
        features=features.kind if features else "",
        features_hash=features.digest if features else "",
    )
    content = evaluation.evaluate(model, splits, protocol, features, progress, parts)
    about = {
        "name": name,
        "density": model.density,
        "seed": config["seed"],
        "sha256": hashlib.sha256(run.model.read_bytes()).hexdigest(),
        "training": run.read_json(run.training) if run.training.exists() else {},
    }
    versions = {p: metadata.version(p) for p in ("tensorflow", "keras", "numpy", "scikit-learn")}
    described = {
        "kind": features.kind if features else "",
        "distance": features.distance if features else "FCD",
        "accuracy": features.accuracy if features else {},
    }
    return (
        _finite({"model": about, "features": described, **content, "versions": versions}),
        splits,
        model,
    )


def _finite(value):
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lines(content):
    """A table of the results for the terminal: model, floor, baselines."""
    columns = {
        content["model"]["name"]: content["results"],
        "real": content["floor"],
        **content["baselines"],
    }
    protocol = content["protocol"]
    yield (
        f"{content['model']['name']} on {protocol['data']} {protocol['split']!r}: "
        f"{protocol['n']} samples, {protocol['features']} features {protocol['features_hash'][:8]}"
    )
    yield from table(columns, content["features"]["distance"])
    if "nll_kind" in content["results"]:
        yield f"\nThe NLL is: {content['results']['nll_kind']}"
    for finding in content["diagnosis"]:
        yield f"\n! {finding['problem']}\n  {finding['advice']}"
    for key, why in content["not_measured"].items():
        yield f"not measured: {key}, {why}"


def side_by_side(contents):
    """Results of several runs.  Raises: UserError if their protocols differ."""
    from tfgen import evaluation

    (first, reference), *rest = contents.items()
    for path, content in rest:
        evaluation.check_same(reference["protocol"], content["protocol"], (first, path))
    columns = {path: content["results"] for path, content in contents.items()}
    yield from table(columns, reference["features"]["distance"])


def table(columns, distance):
    """{column: {metric: number}} -> lines, one a metric that any column has."""
    from tfgen.metrics import catalogue

    heads = [name.split(" ", 1) for name in columns]
    widths = [max(8, *map(len, head)) for head in heads]
    for row in (0, 1):
        words = [head[row] if row < len(head) else "" for head in heads]
        yield " " * 27 + "  ".join(f"{w:>{n}}" for w, n in zip(words, widths, strict=True))
    for key, metric in catalogue.METRICS.items():
        if any(key in column for column in columns.values()):
            title = distance if key == "frechet" else metric.title
            cells = [
                f"{catalogue.text(key, column.get(key)):>{width}}"
                for column, width in zip(columns.values(), widths, strict=True)
            ]
            yield f"{title:27}" + "  ".join(cells)


if __name__ == "__main__":
    sys.exit(main())
