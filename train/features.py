"""Write the codes of all images of a run's data: python -m train.features --workdir=DIR

Writes DIR/features.npz: for each split "train", "validation" and "test" its codes [N, Z], and
"<split>_label" [N] where there are labels. Then says whether the codes, learnt without labels, help
where labels are few: test accuracy of a logistic regression on codes, on pixels, and on as many
principal components, from 10, 100 and all labels.
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
        prog="python -m train.features",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--out", default="", help="the file (DIR/features.npz)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir)
    from tfgen.analysis import features

    path, found, lines = features.write(run, options.out)
    shapes = ", ".join(f"{key} {value.shape}" for key, value in found.items())
    print(f"wrote {run.dir.shown(path)}: {shapes}")
    print("\n".join(lines), end="\n" if lines else "")


if __name__ == "__main__":
    sys.exit(main())
