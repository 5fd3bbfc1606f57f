"""Measure a finished run: python -m train.evaluate --workdir=DIR

All that applies to the model, beside what real images get: metrics.json, report.html, copies.html.

    python -m train.evaluate --compare=DIR,DIR           evaluated runs side by side
    python -m train.evaluate --images=DIR --against=DIR  pictures of whatever made them
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

NONE = "give either --workdir=DIR, or --compare=DIR,DIR, or --images=DIR and --against=DIR."
FLAGS = {
    "workdir": ("", "a finished run directory"),
    "split": ("", "by default test, else the run's validation"),
    "n": (0, "samples (as many as held-out images, 10,000 at most)"),
    "k": (1000, "importance samples of a bound (1000)"),
    "features": ("auto", "auto, classifier, inception, textures"),
    "inception": ("", "its weights: a .pb, a .keras or a SavedModel"),
    "inception_sha256": ("", "their SHA-256, from their source"),
    "parts": ("samples,likelihood,codes,translations,captions", "what to measure (all)"),
    "out": ("", "a folder for what is written (the run's own)"),
    "compare": ([], "evaluated runs to print side by side: A,B, or the flag for each"),
    "images": ("", "a folder of pictures, or NAME:SPLIT of a data set"),
    "against": ("", "the same, of real ones"),
    "size": ("", "what pictures of folders are brought to"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser("python -m train.evaluate", description=__doc__)
    for name, (default, text) in FLAGS.items():
        given = {"action": "append"} if name == "compare" else {"type": type(default)}
        parser.add_argument(f"--{name}", default=default, help=text, **given)
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    ways = [bool(part) for part in (options.workdir, options.compare, options.images)]
    if sum(ways) != 1 or bool(options.images) != bool(options.against):
        raise UserError(NONE)
    inception, few = (options.inception, options.inception_sha256), options.compare
    if few:
        runs = map(RunDir, few[0].split(",") if len(few) == 1 else few)
        compared = {str(run.path): run.read_json(run.metrics) for run in runs}
        with startup.loading_tensorflow():
            from tfgen.reports.comparison import side_by_side
        return print("\n".join(side_by_side(compared)))
    if options.images:
        how = {"features": options.features, "inception": inception, "n": options.n}
        found = tfgen.evaluate(options.images, options.against, size=options.size, **how)
        from tfgen.reports import comparison

        return command.say("\n".join(comparison.of_sets(found)))
    run = tfgen.load(options.workdir, out=options.out)
    given = {name: getattr(options, name) for name in ("split", "n", "k", "features")}
    given |= {"parts": options.parts.split(","), "inception": inception}
    run.evaluate(**given, verbose=True, tell=_tell)
    if os.access(run.outputs.path, os.W_OK):
        print(f"\nwrote {run.outputs.metrics}\nwrote {run.outputs.report}")


def _tell(content: dict[str, Any]) -> None:
    from tfgen.reports.comparison import lines

    command.say("\n".join(lines(content)))


if __name__ == "__main__":
    sys.exit(main())
