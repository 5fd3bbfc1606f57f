"""Where a step that takes its batch in parts is (`tfgen/accumulation.py`): what else asks for it.

Noise asks, for it is a function of the row of the whole batch, and so does what needs all rows.
"""

import contextlib
import threading
from collections.abc import Iterator

# Of each thread: replicas are traced in threads of their own, one after another.
_here = threading.local()


def now() -> tuple[int, int]:
    """(i, k): part i of k is taken; (0, 1) for a batch that is taken as a whole."""
    return getattr(_here, "part", (0, 1))


@contextlib.contextmanager
def taking(i: int, k: int) -> Iterator[None]:
    before, _here.part = now(), (i, k)
    try:
        yield
    finally:
        _here.part = before
