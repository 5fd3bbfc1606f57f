"""What a user is told: the one exception that is theirs to mend, and what they should know."""


class UserError(ValueError):
    """Bad input. The message says what was given, what is wanted and what to do.

    The commands print it without a traceback and exit with 2; any other exception is our mistake.
    """


class Notice(UserWarning):
    """What was done to a user's input, and what to do if it was not meant so.

    The commands print it as one line and go on.
    """


def one_of(what, given, allowed):
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
