"""Calls that take many messages: the body is passed on while it arrives."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from tests.integration.gateway.stand import WAIT_S, Running, Stand, Weather, eventually

NDJSON = {"content-type": "application/x-ndjson"}


def taking(weather: Weather) -> list[str]:
    """Let uploads be taken; what was taken comes to stand in the list."""
    taken: list[str] = []

    async def readings(requests: AsyncIterator[Any], _context: Any) -> Any:
        async for each in requests:
            taken.append(f"{each.number} {each.text}".strip())  # noqa: PERF401 -- it is looked at meanwhile
        return weather.make("UploadReadingsResponse", count=len(taken))

    async def film(requests: AsyncIterator[Any], _context: Any) -> Any:
        async for each in requests:
            body = each.content
            taken.append(f"{each.name} {body.content_type} {len(body.data)}")
        return weather.make("UploadReadingsResponse", count=len(taken))

    weather.behaviours |= {"UploadReadings": readings, "UploadFilm": film}
    return taken


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ("", []),
        ("\n\n", []),
        ('{"number": 1}', ["1"]),
        ('{"number": 1}\n{"number": 2}\n', ["1", "2"]),
        ('{"number": 1}\r\n\r\n{"number": 2}\r\n', ["1", "2"]),
        ('{"number": 1, "text": "a\\nb"}\n{}', ["1 a\nb", "0"]),
    ],
)
def test_every_line_of_ndjson_is_a_message(gateway: Running, weather: Weather, body: str, taken: list[str]) -> None:
    found = taking(weather)
    answered = gateway.client.post("/v1/readings:upload", content=body, headers=NDJSON)
    assert (answered.status_code, answered.json()) == (200, {"count": len(taken), "digest": ""})
    assert found == taken


def test_messages_go_upstream_before_the_body_has_ended(gateway: Running, weather: Weather) -> None:
    found = taking(weather)

    def body() -> Iterator[bytes]:
        for number in range(3):
            expected = 2 * number + 1
            yield json.dumps({"number": number}).encode() + b'\n{"num'
            eventually(lambda: len(found) == expected)  # noqa: B023 -- called at once
            yield b'ber": 7}\n'

    assert gateway.client.post("/v1/readings:upload", content=body(), headers=NDJSON).json()["count"] == 6
    assert found == ["0", "7", "1", "7", "2", "7"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ('{"number": 1}\n{"number": "x"}\n', NDJSON, 400),
        ('{"number": 1}\n{', NDJSON, 400),
        ('{"number": 1}\n[]', NDJSON, 400),
        ('{"number": 1}\n{"nothing": 1}', NDJSON, 400),
        ("{}", {"content-type": "text/plain"}, 415),
        ("{}", NDJSON | {"content-encoding": "gzip"}, 415),
    ],
)
def test_a_line_that_is_no_message_is_refused_and_the_call_is_cancelled(
    gateway: Running, weather: Weather, body: str, headers: dict[str, str], status: int
) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def behave(requests: AsyncIterator[Any], _context: Any) -> Any:
        begun.set()
        try:
            async for _ in requests:
                pass
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    weather.behaviours["UploadReadings"] = behave
    assert gateway.client.post("/v1/readings:upload", content=body, headers=headers).status_code == status
    assert not begun.is_set() or cancelled.wait(WAIT_S)  # a call may be cancelled before it begins


def test_an_upload_is_bounded_in_all_and_by_the_line(stand: Stand, weather: Weather) -> None:
    taking(weather)
    line = b'{"text": "' + b"a" * 80 + b'"}\n'
    with stand.gateway(upload_max_bytes=1000, body_max_bytes=100) as running:
        for body, status in ((line * 5, 200), (line * 50, 413), (b'{"text": "' + b"a" * 200, 413)):
            answered = running.client.post("/v1/readings:upload", content=iter([body]), headers=NDJSON)
            assert answered.status_code == status


def test_a_service_that_has_answered_need_not_take_the_rest(gateway: Running, weather: Weather) -> None:
    async def behave(requests: AsyncIterator[Any], context: Any) -> Any:
        async for each in requests:
            if each.number:
                await context.abort(grpc.StatusCode.OUT_OF_RANGE, "enough")
            break
        return weather.make("UploadReadingsResponse", count=1)

    weather.behaviours["UploadReadings"] = behave
    early = gateway.client.post("/v1/readings:upload", content=b"{}\n" * 10_000, headers=NDJSON)
    failed = gateway.client.post("/v1/readings:upload", content=b'{"number":1}\n' * 10_000, headers=NDJSON)
    assert (early.status_code, early.json()["count"], failed.status_code) == (200, 1, 400)
    assert failed.json()["message"] == "enough"


def test_a_client_that_goes_away_cancels_the_upload(gateway: Running, weather: Weather) -> None:
    cancelled, begun = threading.Event(), threading.Event()

    async def behave(requests: AsyncIterator[Any], _context: Any) -> Any:
        try:
            async for _ in requests:
                begun.set()
        finally:
            cancelled.set()

    def body() -> Iterator[bytes]:
        yield b"{}\n"
        assert begun.wait(WAIT_S)
        raise ConnectionAbortedError

    weather.behaviours["UploadReadings"] = behave
    with pytest.raises(ConnectionAbortedError):
        gateway.client.post("/v1/readings:upload", content=body(), headers=NDJSON)
    assert cancelled.wait(WAIT_S)


def test_a_body_that_stops_coming_is_408(gateway: Running, weather: Weather) -> None:
    taking(weather)

    def body() -> Iterator[bytes]:
        yield b"{}\n{"
        threading.Event().wait(1.0)
        yield b"}"

    assert gateway.client.post("/v1/readings:upload", content=body(), headers=NDJSON).status_code == 408


def test_the_deadline_bounds_a_body_that_trickles_without_ever_making_a_message(
    gateway: Running, weather: Weather
) -> None:
    taking(weather)
    head = b"POST /v1/readings:upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nGrpc-Timeout: 300m\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as client:
        client.sendall(head)
        client.settimeout(0.1)
        answered = b""
        while not answered:  # each part of the body comes in time
            client.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answered = client.recv(1000)
    assert answered.startswith(b"HTTP/1.1 504 ")


def test_the_bytes_of_a_body_are_passed_on_as_they_come(gateway: Running, weather: Weather) -> None:
    found = taking(weather)

    def body() -> Iterator[bytes]:
        for at in range(3):
            yield b"abc"
            eventually(lambda: len(found) > at)  # noqa: B023 -- called at once

    answered = gateway.client.put("/v1/stations/a/film", content=body(), headers={"content-type": "video/x"})
    assert (answered.status_code, answered.json()["count"]) == (200, 3)
    assert found == ["stations/a video/x 3", "  3", "  3"]


def test_no_bytes_at_all_are_one_empty_message(gateway: Running, weather: Weather) -> None:
    found = taking(weather)
    assert gateway.client.put("/v1/stations/a/film", content=b"").json()["count"] == 1
    assert found == ["stations/a  0"]
