"""Pack a finished run for others: a folder or a .zip of some hundred kilobytes, with its card.

python -m export.pack --workdir=runs/dcgan-digits --out=dcgan-digits.zip

It is measured anew, and `tfgen.load`, `--workdir` and `--from` take it as they take the run.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import export  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.pack", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--out", required=True, help="a file NAME.zip, or a folder")
    parser.add_argument("--licence", default="", help="of the data, where tfgen does not know it")
    parser.add_argument("--n", type=int, default=0, help="samples to measure (as train.evaluate)")
    parser.add_argument("--k", type=int, default=1000, help="importance samples of a bound (1000)")
    parser.add_argument("--parts", default="", help="what to measure (all)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir)
    from tfgen import packing

    how = {"n": options.n, "k": options.k}
    how |= {"parts": options.parts.split(",")} if options.parts else {}
    out = packing.pack(run, options.out, options.licence, **how)
    print((out / "card.md").read_text("utf-8") if out.is_dir() else f"wrote {out}")
    if out.is_file():
        digest = hashlib.sha256(Path(out).read_bytes()).hexdigest()
        print(f'tfgen.load("{out}", sha256="{digest}")')


if __name__ == "__main__":
    sys.exit(main())
