"""Export a finished run for TensorFlow Serving.

python -m export.saved_model --workdir=runs/dcgan-digits

Writes serving/<model>/<version>/ there; `tfgen/exporting/saved_model.py` says what is in it.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
import tfgen
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.saved_model", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--version", type=int, help="by default the next free one")
    parser.add_argument("--out", default="", help="a folder for what is written (the run's own)")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    run = tfgen.load(options.workdir, out=options.out)
    path = run.export("saved_model", version=options.version)
    from tfgen.exporting.saved_model import signatures

    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    names, where = [e.name for e in signatures(run.model)], run.outputs.shown(path)
    print(f"wrote {where} ({size / 1e6:.1f} MB): {', '.join(names)}")
    if run.outputs.store:
        return
    folder = shlex.quote(str(run.outputs.path.resolve() / "serving" / run.name))
    print("Serve it, where Docker is:")
    print(
        f"  docker run -p 8500:8500 -p 8501:8501 -e MODEL_NAME={run.name} \\\n"
        f"    -v {folder}:/models/{run.name} tensorflow/serving"
    )


if __name__ == "__main__":
    sys.exit(main())
