"""Check a server, a SavedModel, a LiteRT file or a run against the images of golden.json.

python -m export.check --server=http://localhost:8501/v1/models/dcgan --golden=golden.json

Exit status 1 where an image differs by more than a level of 255.
"""

import argparse
import sys
from collections.abc import Sequence

import export  # noqa: F401 - says how, where this file is run by its path
from tfgen import command
from tfgen.exporting import check, sources


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.check", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--server",
        required=True,
        help="http://host:port/v1/models/NAME or grpc://host:port/NAME; what export.sample takes",
    )
    parser.add_argument("--golden", required=True, help="the golden.json of the export")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> int:
    found = check.check(sources.open_source(options.server), options.golden)
    for seed in found:
        said = "the same" if seed.right else "ANOTHER IMAGE"
        print(f"seed {seed.seed:>11}  {said}, {seed.levels} of 255 levels apart at most")
    wrong = sum(not seed.right for seed in found)
    if wrong:
        sys.stderr.write(
            f"error: {wrong} of {len(found)} seeds are other images at {options.server} than in "
            f"{options.golden}: it serves another model or version, or its files are damaged.\n"
        )
        return 1
    print(f"{options.server} makes the {len(found)} images of {options.golden}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
