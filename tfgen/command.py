"""How every command ends: a user's mistake is one line and a status, never a traceback."""

import signal
import sys

from tfgen.errors import UserError


def status(function, *arguments):
    """Runs a command.

    Returns: the exit status: the function's own (None is 0); 2 for bad input; 1 for a failing disk
    or network, which is the user's to mend; 128 + SIGINT after Ctrl-C.
    """
    try:
        return function(*arguments) or 0
    except (UserError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def warn_of_unreached(model):
    """Says on stderr what a model that is exported has not come to in training."""
    if model.unreached(model.steps_done):
        sys.stderr.write(f"warning: {' '.join(model.unreached(model.steps_done))}\n")
