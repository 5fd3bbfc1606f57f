"""Measure a finished run: python -m train.evaluate --workdir=DIR

All that applies to the model, beside what real images get: metrics.json, report.html, copies.html.

    python -m train.evaluate --compare=DIR,DIR           evaluated runs side by side
    python -m train.evaluate --images=DIR --against=DIR  pictures of whatever made them
"""

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from typing import Any

import train  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command, presets, startup
from tfgen.errors import UserError

FLAGS = {
    "workdir": ("", "a finished run directory"),
    "split": ("", "by default test, else the run's validation"),
    "n": (0, "samples (as many as held-out images, 10,000 at most)"),
    "k": (1000, "importance samples of a bound (1000)"),
    "nll_n": (0, "held-out images whose likelihood is measured (all, of bounds 2,500 at most)"),
    "features": ("auto", "auto, classifier, inception, textures"),
    "inception": ("", "its weights: a .pb, a .keras or a SavedModel"),
    "inception_sha256": ("", "their SHA-256, from their source"),
    "parts": ("samples,likelihood,codes,translations,captions", "what to measure (all)"),
    "out": ("", "a folder for what is written (the run's own)"),
    "compare": ([], "evaluated runs to print side by side: A,B, or the flag for each"),
    "images": ("", "a folder of pictures or of export.batch, or NAME:SPLIT of a data set"),
    "against": ("", "the same, of real ones"),
    "size": ("", "what pictures of folders are brought to"),
    "workers": (0, "so many Beam workers measure the --images of export.batch"),
    "runner": ("", "or those of a Beam runner, as FlinkRunner"),
    "pipeline_flag": ([], "an option of it"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser("python -m train.evaluate", description=__doc__)
    for name, (default, text) in FLAGS.items():
        given = {"action": "append"} if default == [] else {"type": type(default)}
        parser.add_argument(f"--{name}", default=default, help=text, **given)
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    ways = [bool(part) for part in (options.workdir, options.compare, options.images)]
    if sum(ways) != 1 or bool(options.images) != bool(options.against):
        raise UserError("give --workdir=DIR, --compare=DIR,DIR or --images=DIR and --against=DIR.")
    inception, names = (options.inception, options.inception_sha256), options.compare
    if names:
        names = names[0].split(",") if len(names) == 1 else names
        found = {name: presets.run_dir(name).read_metrics() for name in names}
        return _say("side_by_side", found)
    if options.images:
        names = ("features", "n", "size", "runner", "workers")
        how = {name: getattr(options, name) for name in names} | {"flags": options.pipeline_flag}
        found = tfgen.evaluate(options.images, options.against, inception=inception, **how)
        return _say("of_sets", found)
    run = tfgen.load(options.workdir, out=options.out)
    given = {name: getattr(options, name) for name in ("split", "n", "k", "nll_n", "features")}
    given |= {"parts": options.parts.split(","), "inception": inception}
    run.evaluate(**given, verbose=True, tell=functools.partial(_say, "lines"))
    if os.access((out := run.outputs).path, os.W_OK):
        print("", *(f"wrote {out.shown(path)}" for path in (out.metrics, out.report)), sep="\n")


def _say(what: str, content: dict[str, Any]) -> None:
    with startup.loading_tensorflow():
        from tfgen.reports import comparison
    command.say("\n".join(getattr(comparison, what)(content)))


if __name__ == "__main__":
    sys.exit(main())
