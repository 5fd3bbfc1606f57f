"""How every command speaks: a user's mistake is one line and a status, never a traceback."""

import re
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from tfgen import progress, settings
from tfgen.errors import Interrupted, Notice, UserError


def status(function: Callable[..., int | None], *arguments: Any) -> int:
    """Runs a command.

    Returns: the exit status: the function's own (None is 0); 2 for bad input; 1 for a failing disk
    or network, which is the user's to mend; 128 + SIGINT after Ctrl-C.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", Notice)
            warnings.showwarning = _shown(warnings.showwarning)
            return function(*arguments) or 0
    except (UserError, OSError) as error:
        sys.stderr.write(f"error: {as_flags(str(error))}\n")
        return 2 if isinstance(error, UserError) else 1
    except Interrupted as stopped:
        return 128 + stopped.number
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def as_flags(text: str) -> str:
    """A message with its arguments as a command line has them.

    `batch_size=64` -> --config.batch_size=64; of a command's own arguments, `n=100` -> --n=100.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2] or ""
        # A setting of a run stands in its config; what is none is an argument of the command.
        section = name.partition(".")[0]
        ours = name in settings.RUN or (section in settings.SECTIONS and "." in name)
        return f"--{'config.' if ours else ''}{name}{value}"

    return re.sub(r"`([a-z_]+(?:\.\w+)*)(=[^`]*)?`", flag, text)


def say(text: str) -> None:
    """A sentence of the library on stdout, with its settings as flags."""
    progress.say(as_flags(text))


def _shown(otherwise: Callable[..., None]) -> Callable[..., None]:
    """A `warnings.showwarning` that prints a `Notice` as one line."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, Notice):
            sys.stderr.write(f"warning: {as_flags(str(message))}\n")
        else:
            otherwise(message, category, *where)

    return show
