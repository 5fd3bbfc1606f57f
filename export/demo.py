"""A page that runs a finished model in the browser.

python -m export.demo --workdir=runs/dcgan-digits --out=site/

Any static web server will do; `tfgen/exporting/demo.py` says what is in it.
"""

import argparse
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.demo", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--out", default="site", help="the folder to write (site)")
    parser.add_argument("--precision", default="float32", help="float32, float16, dynamic or int8")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir)
    out = run.export("demo", out=options.out, precision=options.precision)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    print(f"wrote {out}: {size:.0f} MB, of which LiteRT.js is 3, whatever the model.")
    print(f"Look at it: python -m http.server --directory={out} 8000")


if __name__ == "__main__":
    sys.exit(main())
