"""Measure a finished run: python -m train.evaluate --workdir=DIR

Everything that applies to the model's capabilities, and beside each number what real images and
trivial generators get. Writes metrics.json, report.html and copies.html there.

    python -m train.evaluate --compare=DIR,DIR           evaluated runs side by side
    python -m train.evaluate --images=DIR --against=DIR  pictures of whatever made them
"""

import argparse
import os
import sys
from collections.abc import Sequence

import train  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command, startup
from tfgen.errors import UserError
from tfgen.run_dir import RunDir

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
    "compare": ("", "evaluated runs to print side by side: A,B"),
    "images": ("", "a folder of pictures, or NAME:SPLIT of a data set"),
    "against": ("", "the same, of real ones"),
    "size": ("", "what pictures of folders are brought to"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser("python -m train.evaluate", description=__doc__)
    for name, (default, text) in FLAGS.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text)
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    ways = [bool(part) for part in (options.workdir, options.compare, options.images)]
    if sum(ways) != 1 or bool(options.images) != bool(options.against):
        others = "--compare=DIR,DIR, or --images=DIR and --against=DIR"
        raise UserError(f"give either --workdir=DIR, to measure a run, or {others}.")
    inception = (options.inception, options.inception_sha256)
    if options.compare:
        runs = [RunDir(path) for path in options.compare.split(",")]
        compared = {str(run.path): run.read_json(run.metrics) for run in runs}
        with startup.loading_tensorflow():
            from tfgen.reports import comparison
        return print("\n".join(comparison.side_by_side(compared)))
    if options.images:
        how = {"features": options.features, "inception": inception, "n": options.n}
        found = tfgen.evaluate(options.images, options.against, size=options.size, **how)
        from tfgen.reports import comparison

        return command.say("\n".join(comparison.of_sets(found)))
    run = tfgen.load(options.workdir, out=options.out)
    given = {name: getattr(options, name) for name in ("split", "n", "k", "features")}
    parts = options.parts.split(",")
    content = run.evaluate(**given, inception=inception, parts=parts, verbose=True)
    from tfgen.reports import comparison

    command.say("\n".join(comparison.lines(content)))
    if os.access(run.outputs.path, os.W_OK):
        print(f"\nwrote {run.outputs.metrics}\nwrote {run.outputs.report}")


if __name__ == "__main__":
    sys.exit(main())
