"""Export a finished run for devices: LiteRT (TFLite) files.

python -m export.tflite --workdir=runs/dcgan-digits [--batch=1] [--precisions=float32,int8]

Writes tflite/<model>-<precision>.tflite there and prints what each file costs and how far it is
from Keras; `tfgen/exporting/tflite.py` says what is in them.
"""

import argparse
import functools
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.tflite", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--batch", type=int, default=1, help="the static batch size (1)")
    parser.add_argument(
        "--precisions",
        default="",
        help="some of float32,float16,dynamic,int8; by default all that fit",
    )
    parser.add_argument("--out", default="", help="a folder for what is written (the run's own)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    precisions = [name for name in options.precisions.split(",") if name]
    say = functools.partial(print, flush=True)
    run = tfgen.load(options.workdir, out=options.out)
    rows = run.export("tflite", precisions=precisions, batch=options.batch, say=say)
    from tfgen.exporting import cost

    print(f"\nA call of batch {options.batch}, in this process, against Keras:")
    print("\n".join(cost.table(rows)))


if __name__ == "__main__":
    sys.exit(main())
