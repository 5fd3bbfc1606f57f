"""Sample a finished run.

python -m export.sample --from=runs/dcgan-digits --seeds=0:64 --out=grid.png

The same seeds give the same picture, today and on any machine.
"""

import argparse
import sys

from tfgen import quiet
from tfgen.errors import UserError


def parse_seeds(text):
    """ "3", "0:64" or "1,5,9" -> a list of int32 seeds.  Raises: UserError."""
    try:
        if ":" in text:
            start, stop = map(int, text.split(":"))
            seeds = list(range(start, stop))
        else:
            seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < -(2**31) or max(seeds) >= 2**31:
        raise UserError(f"--seeds={text}: wanted are int32 seeds, as 7, or 1,5,9, or 0:64.")
    return seeds


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.sample", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--from", dest="source", required=True, help="a finished run directory")
    parser.add_argument("--seeds", default="0:64", help="7, or 1,5,9, or 0:64 (the default)")
    parser.add_argument("--out", default="grid.png", help="the picture to write (PNG)")
    options = parser.parse_args(argv)
    try:
        seeds = parse_seeds(options.seeds)
        if not options.out.endswith(".png"):
            raise UserError(f"--out={options.out}: the picture is a PNG file, so name it *.png.")
        with quiet.loading_tensorflow():
            import tfgen
            from tfgen import figures, model  # noqa: F401  (loads TensorFlow)

        images = tfgen.load(options.source).sample(seeds)
        figures.sample_grid(options.out, images)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {len(seeds)} samples to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
