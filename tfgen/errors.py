"""What a user is told: the one exception that is theirs to mend, and what they should know.

The library names no flag: a message has arguments and settings in backticks, `batch_size=64` or
`model.width`, as Python and config.json have them. A command shows them as its flags (`as_flags`).
"""

import re
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """Bad input. The message says what was given, what is wanted and what to do.

    The commands print it without a traceback and exit with 2; any other exception is our mistake.
    """


class Interrupted(KeyboardInterrupt):
    """A signal stopped a training, whose checkpoint is written: the same call continues.

    Args: number, of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Notice(UserWarning):
    """What was done to a user's input, and what to do if it was not meant so.

    The commands print it as one line and go on.
    """


def one_of(what: str, given: Any, allowed: Iterable[Any]) -> Any:
    """`given` if it is allowed, else a UserError that suggests the nearest name.

    Args: what, the noun, as in "model"; given, the name; allowed, an iterable of names.
    Raises: UserError, naming `given`, what is near and all that is allowed.
    """
    from difflib import get_close_matches

    allowed = sorted(allowed)
    if given in allowed:
        return given
    near = get_close_matches(str(given), allowed, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UserError(f"unknown {what} {given!r}.{hint} There are: {', '.join(allowed)}.")


# Settings of a run stand in its config; what is no setting is an argument of the function.
_SECTIONS = ("model", "data", "optimizers")
_PLAIN = (
    *("seed", "steps", "batch_size", "log_every", "save_every", "eval_every", "eval_metric"),
    *("patience", "replicas", "deterministic", "init"),
)


def as_flags(text: str) -> str:
    """A message with its arguments as a command line has them.

    `batch_size=64` -> --config.batch_size=64; of a command's own arguments, `n=100` -> --n=100.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2] or ""
        ours = name in _PLAIN or (name.partition(".")[0] in _SECTIONS and "." in name)
        return f"--{'config.' if ours else ''}{name}{value}"

    return re.sub(r"`([a-z_]+(?:\.\w+)*)(=[^`]*)?`", flag, text)
