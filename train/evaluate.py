"""Measure a finished run: python -m train.evaluate --workdir=DIR

Everything that applies to the model's capabilities: likelihood, samples, modes, codes; beside each
number what real images and trivial generators get. Writes metrics.json and report.html there.

    python -m train.evaluate --compare=DIR,DIR

prints evaluated runs side by side, if they were measured alike; where there is a comma in a path,
by a --compare=DIR for each.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import train  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command, startup
from tfgen.errors import UserError
from tfgen.run_dir import RunDir

PARTS = "samples,likelihood,codes,translations,captions"


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluate", description=__doc__.partition("\n\n")[2]
    )
    parser.add_argument("--workdir", default="", help="a finished run directory")
    parser.add_argument("--split", default="", help="by default test, else the run's validation")
    parser.add_argument("--n", type=int, default=0, help="samples (as many as held-out images)")
    parser.add_argument("--k", type=int, default=1000, help="importance samples of a bound (1000)")
    parser.add_argument("--features", default="auto", help="auto, classifier, inception, textures")
    parser.add_argument("--inception", default="", help="path of classify_image_graph_def.pb")
    parser.add_argument("--inception_sha256", default="", help="its SHA-256, from its source")
    parser.add_argument("--parts", default=PARTS, help="what to measure (all)")
    parser.add_argument("--out", default="", help="a folder for what is written (the run's own)")
    parser.add_argument(
        "--compare", action="append", default=[], help="evaluated runs to print side by side: A,B"
    )
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    compare = options.compare
    if bool(options.workdir) == bool(compare):
        raise UserError("give either --workdir=DIR, to measure a run, or --compare=DIR,DIR.")
    if compare:
        runs = [RunDir(path) for path in (compare[0].split(",") if len(compare) == 1 else compare)]
        found = {str(run.path): run.read_json(run.metrics) for run in runs}
        with startup.loading_tensorflow():
            from tfgen.reports import comparison
        print("\n".join(comparison.side_by_side(found)))
        return
    run = tfgen.load(options.workdir, out=options.out)
    run.evaluate(
        split=options.split,
        n=options.n,
        k=options.k,
        features=options.features,
        inception=(options.inception, options.inception_sha256),
        parts=options.parts.split(","),
        verbose=True,
        tell=_tell,
    )
    if os.access(run.outputs.path, os.W_OK):
        print(f"\nwrote {run.outputs.metrics}\nwrote {run.outputs.report}")


def _tell(content: dict[str, Any]) -> None:
    from tfgen.reports import comparison

    command.say("\n".join(comparison.lines(content)))


if __name__ == "__main__":
    sys.exit(main())
