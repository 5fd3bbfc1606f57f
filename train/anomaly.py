"""Find images of a class that a run has not seen: python -m train.anomaly --workdir=DIR

The run is one that left a class out:

    python -m train.run --model=vae --config.data.leave_out=3 --workdir=runs/vae-without-3

Scores every test image by what the model offers (reconstruction error, likelihood, distance of its
code), and by what needs no model (5 nearest neighbours, a kernel density, principal components).
With --background, a second run with a density on the same data, the ratio of the two is a score
too: log p_background(x) - log p(x) does not count what all images have in common (Ren et al. 2019,
https://arxiv.org/abs/1906.02845). A background is a weaker model, e.g. fvsbn.

AUROC is the chance that an image of the unseen class scores above one of a seen class. Writes
anomaly.json and figures/anomaly.png there.
"""

import argparse
import sys
from collections.abc import Sequence

import train  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.anomaly",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run that left a class out")
    parser.add_argument("--background", default="", help="a run to compare likelihoods with")
    parser.add_argument("--out", default="", help="a folder for what is written (the run's own)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir, out=options.out)
    background = tfgen.load(options.background) if options.background else None
    from tfgen.analysis import anomaly

    content, own = anomaly.find(run, background)
    print("\n".join(anomaly.lines(content, own)))
    picture = run.outputs.shown(run.outputs.figures / "anomaly.png")
    print(
        f"\nwrote {run.outputs.shown(run.outputs.anomaly)}\nwrote {picture}: the 32 oddest by "
        f"{own[0]}, then the 32 most usual"
    )


if __name__ == "__main__":
    sys.exit(main())
