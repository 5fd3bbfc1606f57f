"""Draw the pictures of Twemoji, the second style of the data set `emoji_styles`, once:

    pip install resvg-py
    python -m train.twemoji

They come from npm's package @twemoji/svg (graphics: CC BY 4.0, Twitter, Inc and other contributors)
or, without network, from the folder of SVG files in it.
"""

import argparse
import sys
from collections.abc import Sequence

import train  # noqa: F401 - says how, where this file is run by its path
from tfgen import command


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.twemoji",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--svg", default="", help="a folder of 1f600.svg ...; default: the network")
    parser.add_argument("--directory", default="", help="of data; default: that of TFDS")
    return command.status(_run, parser.parse_args(argv))


def _run(options: argparse.Namespace) -> None:
    from tfgen.data import emoji_styles

    folder, count = emoji_styles.draw(options.directory, options.svg)
    print(f"drew {count} pictures into {folder}")


if __name__ == "__main__":
    sys.exit(main())
