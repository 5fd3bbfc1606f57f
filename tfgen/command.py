"""How every command speaks: a user's mistake is one line and a status, never a traceback."""

import contextlib
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from tfgen import progress, settings, startup
from tfgen.errors import Interrupted, Notice, UserError, without_ops


def status(function: Callable[..., int | None], *arguments: Any) -> int:
    """Runs a command.

    Returns: the exit status: the function's own (None is 0); 2 for bad input; 1 for a failing disk
    or network, which is the user's to mend; 128 + n after signal n: SIGINT by Ctrl-C, SIGTERM,
    SIGHUP where the terminal goes, SIGPIPE where nobody reads what is printed.
    """
    try:
        with warnings.catch_warnings(), ending_by_signals():
            warnings.simplefilter("always", Notice)
            warnings.showwarning = _shown(warnings.showwarning)
            _write_any_letter()
            startup.find_home()
            return function(*arguments) or 0
    except BrokenPipeError:
        with progress.heard():
            raise
        return 128 + startup.SIGPIPE
    except UserError as error:
        sys.stderr.write(f"error: {as_flags(str(error))}\n")
        return 2
    except Exception as error:
        if not _of_the_machine(error):
            raise
        said = without_ops(str(error)) or "the memory does not suffice"
        sys.stderr.write(f"error: {as_flags(said)}\n")
        return 1
    except Interrupted as stopped:
        if stopped.number == startup.SIGPIPE:
            with contextlib.suppress(OSError):  # where stderr is gone too
                sys.stderr.write("stopped: nobody reads what is printed.\n")
        return 128 + stopped.number
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _of_the_machine(error: Exception) -> bool:
    """Whether it is of a disk, a network, memory or a file, and not of our code."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    # Of TensorFlow and Pillow, which need not be loaded.
    return isinstance(error, (OSError, MemoryError, UnicodeError)) or bool(
        kinds & {"ResourceExhaustedError", "DataLossError", "DecompressionBombError"}
    )


@contextlib.contextmanager
def ending_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Interrupted`, so that nothing half written is left behind."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with startup.handling(startup.signals("SIGTERM", "SIGHUP"), end):
        yield


def _write_any_letter() -> None:
    """A stdout that knows no letters but those of a locale writes "?" for others."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def as_flags(text: str) -> str:
    """A message with its arguments as a command line has them.

    `batch_size=64` -> --config.batch_size=64; of a command's own arguments, `n=100` -> --n=100.
    """

    # A stranger's text, of a server or a file, does not steer the terminal.
    text = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)

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
