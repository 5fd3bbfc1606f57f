"""A page that runs many finished models in the browser, side by side.

python -m export.gallery --runs=zoo:dcgan/digits,runs/vae-digits --out=site

Any static web server will do; `tfgen/exporting/gallery.py` says what is in it.
"""

import argparse
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command, presets


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.gallery", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", default="", help="finished runs, A,B (all presets of tfgen)")
    parser.add_argument("--out", default="site", help="the folder to write (site)")
    parser.add_argument("--precision", default="float16", help="float32, float16 or dynamic")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    every = [f"{presets.ZOO}{name}" for name in presets.names()]
    names = [name for name in options.runs.split(",") if name] or every
    runs = [tfgen.load(name) for name in names]
    from tfgen.exporting import gallery

    out = gallery.export_runs(runs, options.out, options.precision)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    print(f"wrote {out}: {size:.1f} MB, of which LiteRT.js is 3, for {len(runs)} models.")
    print(f"Look at it: python -m http.server --directory={out} 8000")


if __name__ == "__main__":
    sys.exit(main())
