"""Progress of long work: a bar on a terminal, plain lines elsewhere.

Who listens may go away: `train.run | head` closes the pipe, a lost connection the terminal. What is
under way does not fail for that. It is not heard from then on, and a training saves and stops.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def bar(total: int, initial: int = 0, **kwargs: Any) -> Any:
    """A tqdm bar on stdout if that is a terminal, else None."""
    from tqdm import tqdm

    if not sys.stdout.isatty():
        return None
    # Some terminals, those of containers among them, say that their size is 0 x 0.
    known = min(os.get_terminal_size(sys.stdout.fileno())) > 0
    return tqdm(
        total=total,
        initial=initial,
        file=sys.stdout,
        ncols=None if known else 80,
        nrows=None if known else 24,
        dynamic_ncols=known,
        **kwargs,
    )


def say(text: str) -> None:
    """A line on stdout, at once."""
    with heard():
        print(text, flush=True)


# Set once nobody reads stdout any more.
lost = threading.Event()


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Around what writes to stdout: if its reader is gone, `lost` is set and nothing is raised."""
    try:
        yield
    except OSError:
        lost.set()
        # Written to from now on, and at the latest when Python ends.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def silent(text: str) -> None:
    """For who does not want to hear."""


@contextlib.contextmanager
def counted(total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar of so many things on a terminal. Yields what is called with how many are done."""
    shown = bar(total, unit=unit)

    def done(count: int) -> None:
        if shown is not None:
            with heard():
                shown.update(count - shown.n)

    try:
        yield done
    finally:
        if shown is not None:
            with heard():
                shown.close()


class Counting:
    """Of work that takes minutes: called with (how many things are done, of how many).

    A bar on a terminal; elsewhere a line for each tenth.
    """

    def __init__(self, unit: str) -> None:
        self.unit, self.tenths = unit, 0
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if sys.stdout.isatty():
            with heard():
                self.bar = self.bar or bar(total, unit=self.unit)
                self.bar.update(done - self.bar.n)
        elif 10 * done // total > self.tenths:
            self.tenths = 10 * done // total
            say(f"{done:,} of {total:,} {self.unit}s")

    def close(self) -> None:
        if self.bar is not None:
            with heard():
                self.bar.close()


class Silence:
    """In the place of `Steps` or `Stages`, for who does not want to see."""

    def __call__(self, *progress: object) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Steps:
    """Of training: called with (step, means) at every interval, with (step, None) between."""

    def __init__(self, steps: int, start: int) -> None:
        self.steps = steps
        self.bar = bar(steps, start, unit="step")

    def __call__(self, step: int, means: Mapping[str, float] | None) -> None:
        if self.bar is not None:
            with heard():
                if means is None:
                    self.bar.update(step - self.bar.n)
                else:
                    self.bar.set_postfix({k: f"{v:.4g}" for k, v in means.items()}, refresh=False)
        elif means is not None:
            terms = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
            self.say(f"step {step}/{self.steps}  {terms}")

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        if self.bar is not None:
            with heard():
                self.bar.write(text, file=sys.stdout)
        else:
            say(text)

    def close(self) -> None:
        if self.bar is not None:
            with heard():
                self.bar.close()


class Stages:
    """Of work with named stages: called with (stage, share of the whole in [0, 1])."""

    def __init__(self) -> None:
        self.stage: str | None = None
        self.bar = bar(100, unit="%", bar_format="{desc:28}{bar} {n:.0f} %  {elapsed}")

    def __call__(self, stage: str, share: float) -> None:
        if self.bar is not None:
            with heard():
                self.bar.set_description(stage, refresh=False)
                self.bar.n = 100 * share
                self.bar.refresh()
        elif stage != self.stage:
            say(f"{100 * share:3.0f} %  {stage}")
        self.stage = stage

    def close(self) -> None:
        if self.bar is not None:
            with heard():
                self.bar.close()
