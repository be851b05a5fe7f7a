"""How an answer leaves: its head with the first of its body."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.server import OneWrite

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Line(asyncio.Transport):
    """A connection that notes what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | str] = []

    def write(self, payload: Any) -> None:
        self.done.append(bytes(payload))

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


@pytest.fixture
def line() -> Line:
    return Line()


def answered(line: Line, method: str = "GET", *, has_begun: bool = True) -> tuple[OneWrite, Any]:
    """What the answer to a request is written to, and the answer."""
    cycle = SimpleNamespace(response_started=has_begun, scope={"method": method})
    return OneWrite(line, cast("Any", cycle)), cycle


def test_the_head_leaves_with_the_body(line: Line) -> None:
    out, _ = answered(line)
    out.write(HEAD)
    assert line.done == []
    out.write(b"{}")
    assert line.done == [HEAD + b"{}"]


def test_what_follows_leaves_as_it_comes(line: Line) -> None:
    out, _ = answered(line)
    for part in (HEAD, b"a", b"b", b"c"):
        out.write(part)
    assert line.done == [HEAD + b"a", b"b", b"c"]


def test_an_empty_part_sends_the_head(line: Line) -> None:
    out, _ = answered(line)
    out.write(HEAD)
    out.write(b"")
    assert line.done == [HEAD]


def test_a_large_body_is_not_copied(line: Line) -> None:
    out, _ = answered(line)
    out.write(HEAD)
    out.write(b"x" * 100_000)
    assert line.done == [HEAD, b"x" * 100_000]


def test_the_head_is_all_there_is_of_an_answer_to_head(line: Line) -> None:
    out, _ = answered(line, "HEAD")
    out.write(HEAD)
    assert line.done == [HEAD]


def test_the_head_is_sent_before_the_connection_is_closed(line: Line) -> None:
    out, _ = answered(line)
    out.write(HEAD)
    out.close()
    assert line.done == [HEAD, "closed"]
    assert out.is_closing()


def test_what_is_said_before_the_answer_leaves_at_once(line: Line) -> None:
    out, cycle = answered(line, "POST", has_begun=False)
    out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    cycle.response_started = True
    out.write(HEAD)
    out.write(b"{}")
    assert line.done == [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"{}"]
