"""What a user is told: the one exception that is theirs to mend, and what they should know.

The library names no flag: a message has arguments and settings in backticks, `batch_size=64` or
`model.width`, as Python and config.json have them. A command shows them as its flags
(`command.as_flags`).
"""

import re
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """Bad input. The message says what was given, what is wanted and what to do.

    The commands print it without a traceback and exit with 2; any other exception is our mistake.
    """


class NotMeasurable(UserError):
    """Data that a number cannot be had from: too few images, or one class alone.

    An evaluation leaves the number out and keeps the message as the reason.
    """


class Interrupted(KeyboardInterrupt):
    """A signal ends what is under way. A training has written its checkpoint by then.

    Args: number, of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Notice(UserWarning):
    """What was done to a user's input, and what to do if it was not meant so.

    The commands print it as one line and go on.
    """


def without_ops(said: str) -> str:
    """A message of TensorFlow without the ops that failed, which nobody here knows by name."""
    return re.sub(r"\{\{.*?\}\} *|(?: *\[Op:\w+\])+ *$", "", said)


def nearest(given: str, allowed: Iterable[str]) -> str:
    """Which of the allowed names was meant; "" where none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(given, list(allowed), n=1)), "")


def one_of(what: str, given: Any, allowed: Iterable[Any]) -> Any:
    """`given` if it is allowed, else a UserError that suggests the nearest name.

    Args: what, the noun, as in "model"; given, the name; allowed, an iterable of names.
    Raises: UserError, naming `given`, what is near and all that is allowed.
    """
    allowed = sorted(allowed)
    if given in allowed:
        return given
    near = nearest(str(given), allowed)
    hint = f" Did you mean {near!r}?" if near else ""
    raise UserError(f"unknown {what} {given!r}.{hint} There are: {', '.join(allowed)}.")
