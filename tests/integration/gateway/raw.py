"""HTTP/1.1 byte by byte: what a well-behaved client never sends."""

import contextlib
import json
import re
import socket
from dataclasses import dataclass

from tests.integration.gateway.stand import WAIT_S

_HEAD = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


@dataclass(frozen=True)
class Answer:
    """One answer of several on a connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """What the error says."""
        found: str = json.loads(self.body)["message"]
        return found


def asked(port: int, content: bytes, quiet_s: float = 0.2) -> tuple[list[Answer], bool]:
    """Send some bytes; answer what comes back until nothing comes for a while, and whether the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as client:
        with contextlib.suppress(ConnectionError):  # closed at once: the answer counts
            client.sendall(content)
        received, is_closed = b"", False
        while not is_closed and (not received or not _is_whole(received) or _more_comes(client, quiet_s)):
            try:
                part = client.recv(1 << 16)
            except TimeoutError:
                break
            received += part
            is_closed = not part
        return answers(received), is_closed


def answers(received: bytes) -> list[Answer]:
    """Read the answers on a connection; all of them have a length."""
    found: list[Answer] = []
    while received:
        head = _HEAD.match(received)
        assert head is not None, received[:100]
        lines = (line.decode().partition(":") for line in head[2].split(b"\r\n") if line)
        headers = {name.lower(): value.strip() for name, _, value in lines}
        end = head.end() + int(headers.get("content-length", 0))
        found.append(Answer(int(head[1]), headers, received[head.end() : end]))
        received = received[end:]
    return found


def _is_whole(received: bytes) -> bool:
    try:
        found = answers(received)
    except AssertionError:
        return False
    return bool(found) and len(found[-1].body) == int(found[-1].headers.get("content-length", 0))


def _more_comes(client: socket.socket, quiet_s: float) -> bool:
    client.settimeout(quiet_s)
    try:
        return client.recv(1, socket.MSG_PEEK) is not None
    except TimeoutError:
        return False
    finally:
        client.settimeout(WAIT_S)
