"""Calls with many answers: the three forms, failures before and on the way, and silences."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest

from tests.integration.gateway.sse import Event, watching
from tests.integration.gateway.stand import Running, Stand, Weather, eventually
from tests.integration.gateway.station import Readings


def exporting(weather: Weather, count: int, code: grpc.StatusCode | None = None) -> None:
    """Let the export give so many readings, and fail then if a code is given."""

    async def behave(_request: Any, context: Any) -> AsyncIterator[Any]:
        for number in range(count):
            yield weather.make("Reading", number=number)
        if code is not None:
            await context.abort(code, "because")

    weather.behaviours["ExportReadings"] = behave


def numbers(values: list[Any]) -> list[Any]:
    return [each.get("number", each) for each in values]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_is_a_json_array_unless_accept_names_another_form(
    gateway: Running, weather: Weather, count: int
) -> None:
    exporting(weather, count)
    answered = gateway.client.get("/v1/readings:export")
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/json")
    assert numbers(answered.json()) == list(range(count))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_is_bare_lines_where_accept_names_ndjson(gateway: Running, weather: Weather, count: int) -> None:
    exporting(weather, count)
    answered = gateway.client.get("/v1/readings:export", headers={"accept": "application/x-ndjson"})
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/x-ndjson")
    assert numbers([json.loads(line) for line in answered.text.splitlines()]) == list(range(count))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_is_events_where_accept_names_them(gateway: Running, weather: Weather, count: int) -> None:
    exporting(weather, count)
    with watching(gateway.port, "/v1/readings:export") as watcher:
        status, headers = watcher.head()
        assert (status, headers["content-type"], headers["cache-control"]) == (200, "text/event-stream", "no-cache")
        assert numbers([event.payload for event in watcher.events()]) == list(range(count))


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/event-stream"])
def test_an_error_before_the_first_message_is_its_http_status(gateway: Running, weather: Weather, accept: str) -> None:
    exporting(weather, 0, grpc.StatusCode.NOT_FOUND)
    answered = gateway.client.get("/v1/readings:export", headers={"accept": accept})
    assert (answered.status_code, answered.headers["content-type"]) == (404, "application/json")
    assert answered.json() == {"code": 5, "message": "because", "details": []}


def test_an_error_after_the_first_message_is_the_last_element(gateway: Running, weather: Weather) -> None:
    exporting(weather, 2, grpc.StatusCode.NOT_FOUND)
    failure = {"code": 5, "message": "because", "details": []}
    array = gateway.client.get("/v1/readings:export").json()
    lines = gateway.client.get("/v1/readings:export", headers={"accept": "application/x-ndjson"}).text.splitlines()
    assert numbers(array) == numbers([json.loads(line) for line in lines]) == [0, 1, {"error": failure}]
    with watching(gateway.port, "/v1/readings:export") as watcher:
        watcher.head()
        *readings, last = watcher.events()
    assert numbers([event.payload for event in readings]) == [0, 1]
    assert last == Event(kind="error", payload=failure)


def test_every_element_is_sent_as_soon_as_it_comes(stand: Stand, gateway: Running) -> None:
    go_on = asyncio.Event()

    async def behave(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield stand.weather.make("Reading", number=1)
        await go_on.wait()

    stand.weather.behaviours["ExportReadings"] = behave
    for accept in ("application/json", "application/x-ndjson", "text/event-stream"):
        stand.do(go_on.clear)
        with gateway.client.stream("GET", "/v1/readings:export", headers={"accept": accept}) as answered:
            parts = answered.iter_text()
            received = ""
            while '"number":1' not in received:
                received += next(parts)
            stand.do(go_on.set)
            received += "".join(parts)
            assert received.count("number") == 1


@pytest.mark.parametrize("path", ["/v1/readings:export", "/v1/readings:watch"])
def test_a_silent_stream_of_events_is_kept_alive_by_comments(stand: Stand, gateway: Running, path: str) -> None:
    readings = Readings(stand)
    stand.weather.behaviours["ExportReadings"] = stand.weather.behaviours["WatchReadings"]
    stand.weather.behaviours["ExportReadings"] = forever
    with watching(gateway.port, path) as watcher:
        assert watcher.head()[0] == 200
        comments = [event for event, _ in zip(watcher.events(), range(3), strict=False)]
    assert comments == [Event(kind="", comment="keep-alive")] * 3
    eventually(lambda: readings.live == 0)


async def forever(_request: Any, _context: Any) -> AsyncIterator[Any]:
    await asyncio.Event().wait()
    yield None


def test_a_client_that_goes_away_cancels_the_stream(stand: Stand, gateway: Running) -> None:
    cancelled = asyncio.Event()

    async def behave(_request: Any, _context: Any) -> AsyncIterator[Any]:
        try:
            yield stand.weather.make("Reading")
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    stand.weather.behaviours["ExportReadings"] = behave
    with gateway.client.stream("GET", "/v1/readings:export") as answered:
        next(answered.iter_raw())
    eventually(cancelled.is_set)


def test_a_client_that_pipelined_and_goes_away_cancels_the_stream(stand: Stand, gateway: Running) -> None:
    readings = Readings(stand)
    with watching(gateway.port) as watcher:
        watcher._socket.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        eventually(lambda: readings.live == 1)
    eventually(lambda: readings.live == 0)


def test_a_stream_ends_at_its_deadline(stand: Stand, gateway: Running) -> None:
    Readings(stand)
    with watching(gateway.port, headers={"Grpc-Timeout": "100m"}) as watcher:
        assert watcher.head()[0] == 504
    with stand.gateway(stream_max_s=1.5) as running, watching(running.port) as watcher:
        assert watcher.head()[0] == 200
        assert [event for event in watcher.events() if event.kind] == []


def test_head_on_a_stream_tells_its_headers_and_calls_nobody(gateway: Running, weather: Weather) -> None:
    answered = gateway.client.head("/v1/readings:watch", headers={"accept": "text/event-stream"})
    assert (answered.status_code, answered.headers["content-type"]) == (200, "text/event-stream")
    assert weather.calls == []


def test_too_many_streams_at_once_are_429(stand: Stand) -> None:
    Readings(stand)
    with stand.gateway(streams_max=1) as running, watching(running.port) as watcher:
        eventually(lambda: stand.weather.count("WatchReadings") == 1)
        assert running.client.get("/v1/readings:watch").status_code == 429
        assert running.client.get("/v1/stations/a").status_code == 200
        assert watcher.head()[0] == 200


def test_raw_bytes_are_streamed_with_the_content_type_of_the_first_part(gateway: Running, weather: Weather) -> None:
    async def film(_request: Any, _context: Any) -> AsyncIterator[Any]:
        for chunk in (b"a", b"", b"bc"):
            body = weather.make("Picture").content
            body.content_type, body.data = "video/x", chunk
            yield body

    weather.behaviours["StreamFilm"] = film
    answered = gateway.client.get("/v1/stations/a/film")
    assert (answered.status_code, answered.content, answered.headers["content-type"]) == (200, b"abc", "video/x")


def test_a_shut_down_ends_streams_with_a_clear_last_event(stand: Stand) -> None:
    Readings(stand)
    stand.weather.behaviours["ExportReadings"] = forever
    with stand.gateway() as running:
        shared, own, resuming = (
            watching(running.port, *each)
            for each in (
                ("/v1/readings:watch",),
                ("/v1/readings:export",),
                ("/v1/readings:watch", {"Last-Event-ID": "0"}),
            )
        )
        with shared as first, own as second, resuming as third:
            watchers = (first, second, third)
            assert [each.head()[0] for each in watchers] == [200, 200, 200]
            running.server.should_exit = True
            for each in watchers:
                [last] = [event for event in each.events() if event.kind]
                assert (last.kind, last.payload["code"], last.payload["message"]) == (
                    "error",
                    14,
                    "the gateway is shutting down",
                )


def test_a_request_that_is_none_is_refused_before_the_stream(gateway: Running, weather: Weather) -> None:
    assert gateway.client.get("/v1/readings:watch?nothing=1").status_code == 400
    with httpx.Client() as client:
        url = f"http://127.0.0.1:{gateway.port}/v1/readings:watch"
        assert client.get(url, headers={b"last-event-id": b"\xff"}).status_code == 400
    assert weather.calls == []
