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
    about = __doc__.partition("\n\n")[2]
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=about)
    for name, (default, text) in FLAGS.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text)
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    given = [bool(part) for part in (options.workdir, options.compare, options.images)]
    if sum(given) != 1 or bool(options.images) != bool(options.against):
        ways = "--compare=DIR,DIR, or --images=DIR and --against=DIR"
        raise UserError(f"give either --workdir=DIR, to measure a run, or {ways}.")
    inception = (options.inception, options.inception_sha256)
    if options.compare:
        runs = [RunDir(path) for path in options.compare.split(",")]
        compared = {str(run.path): run.read_json(run.metrics) for run in runs}
        with startup.loading_tensorflow():
            from tfgen.reports import comparison
        print("\n".join(comparison.side_by_side(compared)))
        return
    if options.images:
        features = "textures" if options.features == "auto" else options.features
        pair = options.images, options.against
        how = {"features": features, "inception": inception, "n": options.n, "size": options.size}
        found = tfgen.evaluate(*pair, **how)
        from tfgen.reports import comparison

        command.say("\n".join(comparison.of_sets(found)))
        return
    run = tfgen.load(options.workdir, out=options.out)
    content = run.evaluate(
        split=options.split,
        n=options.n,
        k=options.k,
        features=options.features,
        inception=inception,
        parts=options.parts.split(","),
        verbose=True,
    )
    from tfgen.reports import comparison

    command.say("\n".join(comparison.lines(content)))
    if os.access(run.outputs.path, os.W_OK):
        print(f"\nwrote {run.outputs.metrics}\nwrote {run.outputs.report}")


if __name__ == "__main__":
    sys.exit(main())
