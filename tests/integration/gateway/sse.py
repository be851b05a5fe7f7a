"""Server-Sent Events as a browser reads them, over a socket that a test can leave unread."""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.integration.gateway.stand import WAIT_S


@dataclass(frozen=True)
class Event:
    """What an event source dispatches; a comment has nothing but its text."""

    kind: str = "message"
    id: str = ""
    payload: Any = None
    comment: str = ""


class Watcher:
    """A client that watches."""

    def __init__(self, port: int, path: str, headers: dict[str, str], receive_bytes: int | None) -> None:
        self._socket = socket.socket()
        if receive_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(WAIT_S)
        self._socket.connect(("127.0.0.1", port))
        sent = {"Host": "localhost", "Accept": "text/event-stream"} | headers
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self._stream = self._socket.makefile("rb")
        self._pending: list[bytes] = []

    def head(self) -> tuple[int, dict[str, str]]:
        """Read the status and the headers."""
        status = int(self._stream.readline().split()[1])
        lines = iter(self._stream.readline, b"\r\n")
        return status, {
            name.lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)
        }

    def events(self) -> Iterator[Event]:
        """Read the events, comments included, until the stream ends."""
        fields: dict[str, str] = {}
        for line in self._lines():
            if line.startswith(":"):
                yield Event(kind="", comment=line[1:].strip())
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Event(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
                fields = {}

    def next(self, count: int) -> list[Event]:
        """Read so many events; comments do not count."""
        found: list[Event] = []
        for event in self.events():
            found += [event] if event.kind else []
            if len(found) == count:
                return found
        return found

    def close(self) -> None:
        """Go away."""
        self._stream.close()
        self._socket.close()

    def _lines(self) -> Iterator[str]:
        """The lines of the chunks."""
        pending = b"".join(self._pending)
        self._pending.clear()
        while True:
            *lines, pending = pending.split(b"\n")
            for at, line in enumerate(lines):
                self._pending[:] = [b"\n".join([*lines[at + 1 :], pending])]
                yield line.decode()
            self._pending.clear()
            size = int(self._stream.readline() or b"0", 16)
            if size == 0:
                return
            pending += self._stream.read(size)
            self._stream.readline()


@contextlib.contextmanager
def watching(
    port: int, path: str = "/v1/readings:watch", headers: dict[str, str] | None = None, receive_bytes: int | None = None
) -> Iterator[Watcher]:
    """Watch for as long as the block lasts."""
    watcher = Watcher(port, path, headers or {}, receive_bytes)
    try:
        yield watcher
    finally:
        watcher.close()
