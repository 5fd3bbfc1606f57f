"""What a process is to the others that train with it: the chief, a follower, or alone.

Tensors go by `tf.distribute.MultiWorkerMirroredStrategy`. What has to be agreed on beside them goes
over lines of our own (`line.py`): what is compared before anything is begun, the step that all
start from, whether a look at the validation split ends the run, and the step at which a signal
stops all.

A step to stop at: the worker that has the signal asks the chief; at the end of step k the chief
says k + 1 to all and waits until each has heard it. No worker can end step k + 1 before that, for
the chief takes part in it: all stop there, and no step carries a flag for it.

A worker that dies closes its line, and one whose machine stops sends no sign of life. The chief
tells the others. TensorFlow's collectives fail by themselves then; a process that does not come
back from one ends without.
"""

import atexit
import contextlib
import functools
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfgen.errors import Interrupted, UserError
from tfgen.training import line as lines_of
from tfgen.training.cluster import Cluster
from tfgen.training.line import BEAT, Line, Lost

END = "end"  # what the chief says last
GONE = object()  # what is heard of a worker that is gone
CLOSING = 2.0  # seconds for the other end of a line to close it
GRACE = 10.0  # seconds for a process to end by itself once another is lost


class Alone:
    """One process, which has nobody to ask."""

    count, index, chief = 1, 0, True

    def from_chief(self, value: Any = None) -> Any:
        """What the chief says: its own value there, on the others what it has sent."""
        return value

    def compare(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        """Raises: UserError on all where what they have is not what the chief has."""

    def stopping(self, step: int, signal: int | None) -> int | None:
        """At the end of a step: the signal that stops all now. signal: that this process has."""
        return signal

    def release(self) -> None:
        """The training is over: what becomes of the others no longer matters to the chief."""


ALONE = Alone()


class Hosts:
    """One of several processes, connected while it lives; see `Alone` for what it is asked.

    It may train several times in turn, as all others do; after a training that fails no more.
    """

    def __init__(self, cluster: Cluster, lines: dict[int, Line]) -> None:
        self.cluster, self.lines = cluster, lines
        self.count, self.index, self.chief = len(cluster), cluster.index, cluster.chief
        self.heard: dict[int, queue.SimpleQueue] = {i: queue.SimpleQueue() for i in lines}
        self.lost: BaseException | None = None
        self.gone = threading.Event()
        self.closed = threading.Event()
        self.idle = threading.Event()  # while nothing is trained
        self.begin()
        self.listening = [_started(self._listen, i, line) for i, line in lines.items()]
        _started(self._beat)

    def begin(self) -> None:
        """Before a training."""
        if self.closed.is_set():
            raise UserError("the workers have parted: start all of them in new processes.")
        self.released = False  # whether another's end no longer matters
        self.asked: int | None = None  # the signal of a worker
        self.stop: tuple[int, int] | None = None  # (the step to stop at, the signal)
        self.unheard: set[int] = set()  # workers that have not confirmed it
        self.confirmed = threading.Event()
        self.idle.clear()

    # --- what the training asks ----------------------------------------------------------------

    def from_chief(self, value: Any = None) -> Any:
        if not self.chief:
            return self._next(0)
        lines_of.tell(self.lines, "told", value)
        return value

    def compare(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        own = json.loads(json.dumps(facts()))  # as the others hear it
        if self.chief:
            said = self._differences(own, {i: self._next(i) for i in self.lines})
            lines_of.tell(self.lines, "told", said)
        else:
            self._send(0, "told", own)
            said = self._next(0)
        if said:
            raise UserError(said)

    def _differences(self, facts: Mapping[str, Any], of: Mapping[int, Mapping[str, Any]]) -> str:
        here = self.cluster.name(0)
        found = [
            f"  {key}: {theirs.get(key, 'not set')!r} at {self.cluster.name(i)}, "
            f"{facts.get(key, 'not set')!r} at {here}"
            for i, theirs in of.items()
            for key in sorted(facts.keys() | theirs.keys())
            if theirs.get(key) != facts.get(key)
        ]
        if not found:
            return ""
        return "\n".join(
            ["the workers differ:", *found, "Start all with the same command, code and data."]
        )

    def stopping(self, step: int, signal: int | None) -> int | None:
        if self.stop and step >= self.stop[0]:
            return self.stop[1]
        if not self.chief:
            if signal and not self.asked:
                self.asked = signal
                self._send(0, "stop", signal)
            return None
        signal = signal or self.asked
        if signal and not self.stop:
            self.unheard = set(self.lines)
            self.stop = step + 1, signal
            lines_of.tell(self.lines, "stop", self.stop)
            while not self.confirmed.wait(0.1):
                self._raise_if_lost()
        return None

    def release(self) -> None:
        self.released = self.chief

    def _next(self, index: int) -> Any:
        """What the worker of this number says next."""
        found = self.heard[index].get()
        if found is GONE:
            self.heard[index].put(GONE)
            self._raise_if_lost()
        return found

    def _raise_if_lost(self) -> None:
        if self.lost:
            raise self.lost

    # --- the lines -----------------------------------------------------------------------------

    def _send(self, index: int, kind: str, content: Any = None) -> None:
        with contextlib.suppress(OSError):  # who listens there notices it too, and says so
            self.lines[index].send(kind, content)

    def _listen(self, index: int, line: Line) -> None:
        try:
            while True:
                kind, content = line.receive()
                if kind == "told":
                    self.released = content == END
                    self.heard[index].put(content)
                elif kind == "lost":
                    said, signal = content
                    return self._lose(Interrupted(signal) if signal else Lost(said))
                elif kind == "stop" and self.chief:
                    self.asked = self.asked or content
                elif kind == "stop":
                    self.stop = tuple(content)
                    self._send(0, "heard")
                elif kind == "heard":
                    self.unheard.discard(index)
                    if not self.unheard:
                        self.confirmed.set()
        except OSError as error:
            silent = isinstance(error, TimeoutError)
            how = f"has been silent for {lines_of.SILENCE:.0f} s" if silent else "has ended"
            self._lose(
                Lost(
                    f"{self.cluster.name(index)} {how}: this worker ends too. What happened there "
                    "is in its own output; start the whole job again, and it goes on from the last "
                    "checkpoint."
                )
            )

    def _beat(self) -> None:
        while not self.closed.wait(BEAT):
            lines_of.tell(self.lines, "alive")

    def _lose(self, error: BaseException) -> None:
        """What a thread does when a worker is gone: the main thread may be in a collective."""
        if self.closed.is_set() or self.lost:
            return
        self.lost = error
        if self.chief and not self.released:
            signal = error.number if isinstance(error, Interrupted) else None
            lines_of.tell(self.lines, "lost", [str(error), signal])
        self.gone.set()
        for waiting in self.heard.values():
            waiting.put(GONE)
        _started(self._end_without, error)

    def _end_without(self, error: BaseException) -> None:
        """Ends the process if it has not come to that by itself."""
        if self.idle.wait(GRACE) or self.released:
            return
        if isinstance(error, Interrupted):
            os._exit(128 + error.number)
        with contextlib.suppress(OSError):
            sys.stderr.write(f"error: {error}\n")
            sys.stderr.flush()
        os._exit(1)

    # --- the end -------------------------------------------------------------------------------

    def end(self) -> None:
        """The last of a training that has ended well: followers wait for the chief."""
        while not self.chief and self._next(0) != END:
            pass
        self.idle.set()
        if self.chief:
            lines_of.tell(self.lines, "told", END)

    def fail(self, error: BaseException) -> BaseException:
        """What ends this process after `error`: that another is lost, or the error itself.

        The others are told.
        """
        if _of_the_others(error):
            self.gone.wait(lines_of.SILENCE + GRACE)
        self.closed.set()
        self.idle.set()
        if self.lost and not isinstance(error, (Interrupted, UserError)):
            return self.lost
        said = str(error) if isinstance(error, UserError) else str(error).partition("\n")[0]
        said = said or type(error).__name__
        signal = error.number if isinstance(error, Interrupted) else None
        sentence = f"{self.cluster.name(self.index)} has ended: {said}"
        lines_of.tell(self.lines, "lost", [sentence, signal])
        return error

    def close(self) -> None:
        """Lets what was said last arrive: a line closed with signs of life unread drops it."""
        self.closed.set()
        for line in self.lines.values():
            line.finish()
        for thread in self.listening:
            thread.join(CLOSING)
        for line in self.lines.values():
            line.close()


def _of_the_others(error: BaseException) -> bool:
    """Whether it may be TensorFlow's word for a worker that is gone."""
    kinds = ("UnavailableError", "CancelledError", "AbortedError", "InternalError")
    return type(error).__name__ in kinds


@contextlib.contextmanager
def joined(cluster: Cluster | None) -> Iterator[Alone | Hosts]:
    """This process among those of its cluster, from its coming to its end.

    Raises: ConnectionError with a sentence that names who is missing or gone.
    """
    if cluster is None:
        yield ALONE
        return
    hosts = _present(cluster)
    hosts.begin()
    try:
        yield hosts
        if hosts.chief:
            hosts.end()
    except BaseException as error:
        cause = hosts.fail(error)
        if cause is error:
            raise
        raise cause from None


@functools.cache
def _present(cluster: Cluster) -> Hosts:
    """The connection of this process, made once: its port is TensorFlow's from then on."""
    hosts = Hosts(cluster, lines_of.meet(cluster))
    atexit.register(hosts.close)
    return hosts


def _started(function: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
