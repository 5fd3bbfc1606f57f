"""How workers speak with the chief beside the training: lines of JSON over TCP.

The chief listens on its own address of the cluster until all have come; then TensorFlow's server
takes the port, and the connections stay. They carry what has to be agreed on between steps, and
are how the death of a worker is noticed wherever the others are at that moment.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from tfgen.errors import UserError
from tfgen.training.cluster import Cluster

LIMIT = 2**24  # bytes of a line: a stranger's is cut off
BEAT = 2.0  # seconds between two signs of life
SILENCE = 20.0  # seconds without one, after which a worker counts as gone
COME = 45.0  # seconds that the others are waited for; TFGEN_WAIT says otherwise
HELLO = 5.0  # seconds for who has connected to say who it is


class Line:
    """One connection: whole lines, both ways."""

    def __init__(self, connection: socket.socket, silence: float = SILENCE) -> None:
        connection.settimeout(silence)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.lock = threading.Lock()

    def send(self, kind: str, content: Any = None) -> None:
        """Raises: OSError where the other end is gone."""
        data = json.dumps([kind, content]).encode() + b"\n"
        with self.lock:
            self.connection.sendall(data)

    def receive(self) -> tuple[str, Any]:
        """Raises: OSError where the other end is gone, silent, or no worker of ours."""
        found = self.reader.readline(LIMIT)
        if not found.endswith(b"\n"):
            raise ConnectionError("the connection was closed")
        try:
            kind, content = json.loads(found)
        except ValueError:
            raise ConnectionError("what it says is not understood") from None
        return str(kind), content

    def finish(self) -> None:
        """Says that nothing more will be said."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.finish()
        self.connection.close()


def meet(cluster: Cluster) -> dict[int, Line]:
    """Waits for the others. Returns {index: line}: of the chief to each worker, of a worker to it.

    Raises: ConnectionError that names who did not come in time; UserError for workers that cannot
      be of one cluster, and a port that is taken.
    """
    wait = float(os.environ.get("TFGEN_WAIT", COME))
    ends = time.monotonic() + wait
    with _listening(cluster) as listener:
        if cluster.chief:
            return _received(cluster, listener, ends, wait)
    return {0: _called(cluster, ends, wait)}


def _listening(cluster: Cluster) -> socket.socket:
    """This worker's port, which TensorFlow will want; it must be free."""
    address = cluster.addresses[cluster.index]
    port = int(address.rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise UserError(
            f"port {port} of this worker, {address} in TF_CONFIG, cannot be listened on "
            f"({error.strerror}): an earlier process may still be there, or choose another port."
        ) from None


def _received(
    cluster: Cluster, listener: socket.socket, ends: float, wait: float
) -> dict[int, Line]:
    lines: dict[int, Line] = {}
    while len(lines) < len(cluster) - 1:
        listener.settimeout(max(0.0, ends - time.monotonic()) or 1e-3)
        try:
            line = Line(listener.accept()[0], HELLO)
        except TimeoutError:
            missing = [cluster.name(i) for i in range(1, len(cluster)) if i not in lines]
            said = (
                f"{' and '.join(missing)} did not come within {wait:.0f} s. "
                "Start all workers; what keeps one away is in its own output."
            )
            tell(lines, "lost", [said, None])
            raise ConnectionError(said) from None
        with contextlib.suppress(OSError, TypeError, ValueError, KeyError):  # a stranger
            kind, hello = line.receive()
            refused = "" if kind != "hello" else _unwanted(cluster, lines, hello)
            if refused:
                line.send("refused", refused)
            elif kind == "hello":
                line.connection.settimeout(SILENCE)
                lines[int(hello["index"])] = line
    tell(lines, "met")
    return lines


def _unwanted(cluster: Cluster, lines: Mapping[int, Line], hello: Mapping[str, Any]) -> str:
    """Why who has called cannot be taken, a sentence; "" where it can."""
    index, addresses = int(hello["index"]), tuple(hello["addresses"])
    if addresses != cluster.addresses:
        return (
            f"TF_CONFIG of {cluster.name(0)} names the workers {', '.join(cluster.addresses)}, and "
            f"here it names {', '.join(map(str, addresses))}: it is the same for all but for its "
            "task."
        )
    if index not in range(1, len(cluster)):
        return f"{index} is no worker's number."
    if index in lines:
        return f"{cluster.name(index)} has come already: two processes have its TF_CONFIG."
    return ""


def _called(cluster: Cluster, ends: float, wait: float) -> Line:
    host, _, port = cluster.addresses[0].rpartition(":")
    reason = ""
    while time.monotonic() < ends:
        try:
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=HELLO)
        except OSError as error:  # not there yet; a name may not be known before it is
            reason = f" ({error.strerror or error})"
            time.sleep(0.2)
            continue
        # From here on the chief waits for the others, and says when it gives up.
        line = Line(connection, wait + SILENCE)
        try:
            line.send("hello", {"index": cluster.index, "addresses": list(cluster.addresses)})
            kind, said = line.receive()
        except OSError:  # it was the end of an earlier process
            line.close()
            time.sleep(0.2)
            continue
        if kind == "refused":
            raise UserError(str(said))
        if kind == "lost":
            raise Lost(said[0])
        connection.settimeout(SILENCE)
        return line
    raise ConnectionError(
        f"{cluster.name(0)} did not come within {wait:.0f} s{reason}. Start all workers; what "
        "keeps it away is in its own output."
    )


class Lost(ConnectionError):
    """A worker is gone; the message names it."""


def tell(lines: Mapping[int, Line], kind: str, content: Any = None) -> None:
    """Says it to all that still hear."""
    for line in lines.values():
        with contextlib.suppress(OSError):
            line.send(kind, content)
