"""AUROC of each class of a data set, left out in turn, by a model and by what needs no model.

    python -m benchmarks.anomaly --model=vae --data=digits

Trains one run a class (those that exist are kept), measures each with `train.anomaly`, and writes
benchmarks/results/anomaly-<model>-<data>.json.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks.table import RESULTS, run_command
from tfgen import command, settings, startup
from tfgen.errors import UserError, one_of
from tfgen.files import write_text
from tfgen.run_dir import RunDir


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomaly")
    parser.add_argument("--model", default="vae")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--runs", default="", help="where runs go (runs/anomaly-<model>-<data>)")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    one_of("model", options.model, settings.names())
    with startup.loading_tensorflow():
        from tfgen import data

        classes = data.open_source(options.data).load("train").classes
    if not classes:
        raise UserError(f"{options.data} has no classes to leave out.")
    name = f"{options.model}-{options.data}"
    folder = Path(options.runs or f"runs/anomaly-{name}")
    found = {}
    for left_out in classes:
        run = RunDir(folder / f"without-{left_out}")
        if not run.complete:
            changes = {"data.name": options.data, "data.leave_out": left_out}
            flags = [f"--config.{key}={value}" for key, value in changes.items()]
            run_command("train.run", f"--model={options.model}", f"--workdir={run.path}", *flags)
        if not run.anomaly.exists():
            run_command("train.anomaly", f"--workdir={run.path}")
        found[left_out] = json.loads(run.anomaly.read_text("utf-8"))["auroc"]
        print(f"without {left_out}: {max(found[left_out], key=found[left_out].get)}", flush=True)
    scores = list(found[classes[0]])
    means = {score: statistics.mean(row[score] for row in found.values()) for score in scores}
    path = RESULTS / f"anomaly-{name}.json"
    write_text(path, json.dumps({"auroc": found, "mean": means}, indent=1) + "\n")
    print("\n".join(table(found, means)))
    print(f"\nwrote {path}")


def table(found, means):
    """Lines: a score each, best first, over the classes that were left out."""
    yield f"{'left out':28}" + "".join(f"{c:>7}" for c in found) + f"{'mean':>8}"
    for score in sorted(means, key=means.get, reverse=True):
        cells = "".join(f"{row[score]:7.3f}" for row in found.values())
        yield f"{score:28}{cells}{means[score]:8.3f}"


if __name__ == "__main__":
    sys.exit(main())
