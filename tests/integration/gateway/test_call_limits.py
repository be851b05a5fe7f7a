"""What bounds a call: deadlines, retries, sizes, how many at once; and who may call from where."""

import asyncio
import gzip
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import pytest

from tests.integration.gateway.stand import WAIT_S, Running, Stand, Weather, eventually

UNAVAILABLE, ABORTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED
CANCELLED = grpc.StatusCode.CANCELLED  # what a server that ends says of the calls it does not finish


def hanging(weather: Weather, method: str) -> tuple[threading.Event, threading.Event]:
    """Let a method hang until it is cancelled: what it answers are set when it has begun, and when it was cancelled."""
    begun, cancelled = threading.Event(), threading.Event()

    async def behave(_request: Any, _context: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    weather.behaviours[method] = behave
    return begun, cancelled


def test_a_deadline_is_the_default_unless_grpc_timeout_names_one_and_never_more_than_the_most(
    stand: Stand, weather: Weather
) -> None:
    with stand.gateway(deadline_s=7.0, deadline_max_s=20.0) as running:
        for sent in ({}, {"grpc-timeout": "3S"}, {"grpc-timeout": "1H"}):
            running.client.get("/v1/stations/a", headers=sent)
    found = [given_s for _, _, given_s in weather.calls]
    assert found == [pytest.approx(7, abs=1), pytest.approx(3, abs=1), pytest.approx(20, abs=1)]


def test_a_call_that_takes_too_long_is_504_and_cancelled(gateway: Running, weather: Weather) -> None:
    _, cancelled = hanging(weather, "GetStation")
    answered = gateway.client.get("/v1/stations/a", headers={"grpc-timeout": "500m"})
    assert (answered.status_code, answered.json()["code"]) == (504, 4)
    assert cancelled.wait(WAIT_S)


def test_a_timeout_that_is_none_is_400(gateway: Running) -> None:
    assert gateway.client.get("/v1/stations/a", headers={"grpc-timeout": "soon"}).status_code == 400


def test_the_deadline_bounds_the_gateways_own_waiting_for_the_body(gateway: Running, weather: Weather) -> None:
    def slowly() -> Any:
        yield b'{"'
        threading.Event().wait(0.2)
        yield b'title": "a"}'

    answered = gateway.client.post("/v1/stations", content=slowly(), headers={"grpc-timeout": "50m"})
    assert (answered.status_code, weather.calls) == (504, [])


@pytest.mark.parametrize("method", ["GetStation", "Measure"])
def test_a_client_that_goes_away_cancels_the_call(gateway: Running, weather: Weather, method: str) -> None:
    begun, cancelled = hanging(weather, method)
    path = "/v1/stations/a" if method == "GetStation" else "/v1/stations/a:measure"
    with httpx.Client(timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.request("GET" if method == "GetStation" else "POST", f"http://127.0.0.1:{gateway.port}{path}")
    assert begun.is_set()
    assert cancelled.wait(WAIT_S)


@pytest.mark.parametrize(
    ("request_line", "method", "codes", "status", "count"),
    [
        ("GET /v1/stations/a", "GetStation", [UNAVAILABLE], 200, 2),
        ("GET /v1/stations/a", "GetStation", [UNAVAILABLE] * 2, 200, 3),
        ("GET /v1/stations/a", "GetStation", [UNAVAILABLE] * 3, 503, 3),
        ("GET /v1/stations/a", "GetStation", [ABORTED], 409, 1),
        ("POST /v1/stations/a:calibrate", "Calibrate", [UNAVAILABLE], 200, 2),
        ("POST /v1/stations/a:measure", "Measure", [UNAVAILABLE], 503, 1),
        ("GET /v1/stations/a", "GetStation", [CANCELLED], 200, 2),
        ("POST /v1/stations/a:measure", "Measure", [CANCELLED], 503, 1),
        ("POST /v1/stations", "CreateStation", [UNAVAILABLE], 503, 1),
        ("DELETE /v1/stations/a", "DeleteStation", [UNAVAILABLE], 503, 1),
    ],
)
def test_only_an_idempotent_call_is_repeated_and_only_after_unavailable(
    stand: Stand, weather: Weather, *, request_line: str, method: str, codes: Any, status: int, count: int
) -> None:
    weather.fail(method, *codes)
    with stand.gateway() as running:
        answered = running.client.request(*request_line.split())
    assert (answered.status_code, weather.count(method)) == (status, count)


def test_repeating_has_a_budget_that_an_outage_uses_up(stand: Stand, weather: Weather) -> None:
    weather.fail("GetStation", *[UNAVAILABLE] * 1000)
    with stand.gateway() as running:
        for _ in range(20):
            assert running.client.get("/v1/stations/a").status_code == 503
    assert 20 < weather.count("GetStation") < 30


def test_a_body_over_the_limit_is_413_whether_or_not_its_length_is_told(stand: Stand, weather: Weather) -> None:
    with stand.gateway(body_max_bytes=1000) as running:
        for size, status in ((1000, 201), (1001, 413), (10_000_000, 413)):
            body = b'{"title": "' + b"a" * (size - 13) + b'"}'
            for content in (body, iter([body])):
                answered = running.client.post("/v1/stations", content=content)
                assert answered.status_code == status
    assert weather.count("CreateStation") == 2


def test_gzip_is_understood_in_a_body_and_bounded_after_decompression(gateway: Running, weather: Weather) -> None:
    titles = []

    async def behave(request: Any, _context: Any) -> Any:
        titles.append(request.station.title)
        return request.station

    weather.behaviours["CreateStation"] = behave
    sent: dict[str, str] = {"content-encoding": "gzip"}
    bomb = gzip.compress(b" " * 5_000_000)
    cases = [
        (gzip.compress(b'{"title": "a"}'), sent, 201),
        (gzip.compress(b""), sent, 201),
        (b'{"title": "b"}', {"content-encoding": "identity"}, 201),
        (bomb, sent, 413),
        (b"no gzip", sent, 400),
        (gzip.compress(b"{}")[:-3], sent, 400),
        (gzip.compress(b"{}") + b"more", sent, 400),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), sent, 400),
        (b"{}", {"content-encoding": "br"}, 415),
        (b"{}", {"content-encoding": "gzip, gzip"}, 415),
    ]
    for content, headers, status in cases:
        assert gateway.client.post("/v1/stations", content=content, headers=headers).status_code == status
    assert titles == ["a", "", "b"]
    assert len(bomb) < 10_000


@pytest.mark.parametrize(
    ("length", "accepts", "encoding"),
    [
        (2000, "gzip", "gzip"),
        (2000, "br, gzip;q=0.5", "gzip"),
        (2000, "*", "gzip"),
        (2000, "gzip;q=0", None),
        (2000, "br", None),
        (2000, "", None),
        (100, "gzip", None),
    ],
)
def test_an_answer_of_more_than_a_kibibyte_is_gzip_where_that_is_accepted(
    gateway: Running, weather: Weather, *, length: int, accepts: str, encoding: str | None
) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        return weather.make("Station", title="a" * length)

    weather.behaviours["GetStation"] = behave
    answered = gateway.client.get("/v1/stations/a", headers={"accept-encoding": accepts})
    assert answered.headers.get("content-encoding") == encoding
    assert answered.json()["title"] == "a" * length
    assert answered.headers.get("vary") == ("accept-encoding" if length > 1024 else None)


def test_cors_is_off_by_default(gateway: Running) -> None:
    answered = gateway.client.get("/v1/stations/a", headers={"origin": "https://a.test"})
    asked = {"origin": "https://a.test", "access-control-request-method": "POST"}
    preflight = gateway.client.options("/v1/stations", headers=asked)
    assert not [name for each in (answered, preflight) for name in each.headers if name.startswith("access-control")]


def test_cors_is_answered_for_the_origins_that_are_named(stand: Stand) -> None:
    with stand.gateway(cors_origins="https://a.test, https://b.test") as running:
        for origin, allowed in (("https://b.test", "https://b.test"), ("https://c.test", None)):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            asked["access-control-request-headers"] = "content-type"
            preflight = running.client.options("/v1/stations", headers=asked)
            assert preflight.status_code == 204
            assert preflight.headers.get("access-control-allow-origin") == allowed
            for path in ("/v1/stations/a", "/nothing", "/openapi.json", "/health"):
                answered = running.client.get(path, headers={"origin": origin})
                assert answered.headers.get("access-control-allow-origin") == allowed
                assert "origin" in answered.headers["vary"]
        preflight = running.client.options("/v1/stations", headers=asked | {"origin": "https://a.test"})
        assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
        assert preflight.headers["access-control-allow-headers"] == "content-type"
    with stand.gateway(cors_origins="*") as running:
        answered = running.client.get("/v1/stations/a", headers={"origin": "https://c.test"})
        assert answered.headers["access-control-allow-origin"] == "*"


def test_lenient_ignores_unknown_parameters_and_fields_but_no_unknown_enum_name(stand: Stand) -> None:
    with stand.gateway(lenient=True) as running:
        ask: Callable[..., httpx.Response] = running.client.post
        assert ask("/v1/stations?nothing=1", json={"nothing": 1, "title": "a"}).status_code == 201
        assert running.client.get("/v1/stations?nothing=1&size=1").status_code == 200
        assert ask("/v1/stations", json={"kind": "AIR"}).status_code == 400
        assert running.client.get("/v1/stations?filter.kinds=AIR").status_code == 400
        assert running.client.get("/v1/stations?size=1&size=1").status_code == 400


def test_too_many_requests_at_once_are_429_with_retry_after_and_the_others_go_on(
    stand: Stand, weather: Weather
) -> None:
    free = asyncio.Event()

    async def behave(_request: Any, _context: Any) -> Any:
        await free.wait()
        return weather.make("Station")

    weather.behaviours["GetStation"] = behave
    with stand.gateway(requests_max=2) as running, ThreadPoolExecutor(2) as others:
        waiting = [others.submit(running.client.get, "/v1/stations/a") for _ in range(2)]
        eventually(lambda: weather.count("GetStation") == 2)
        refused = running.client.get("/v1/stations/a")
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, 8, "1")
        assert running.client.get("/livez").status_code == 200
        stand.do(free.set)
        assert [each.result().status_code for each in waiting] == [200, 200]
        assert running.client.get("/v1/stations/a").status_code == 200


def test_an_answer_larger_than_the_gateway_carries_is_an_honest_failure(stand: Stand, weather: Weather) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        return weather.make("Station", title="a" * 10_000)

    weather.behaviours["GetStation"] = behave
    with stand.gateway(answer_max_bytes=1000) as running:
        assert running.client.get("/v1/stations/a").status_code == 429


def test_headers_that_go_upstream_are_bounded(gateway: Running, weather: Weather) -> None:
    answered = gateway.client.get("/v1/stations/a", headers={"authorization": "a" * 8_001})
    assert (answered.status_code, weather.calls) == (431, [])


def test_bytes_go_both_ways_with_their_content_type(gateway: Running, weather: Weather) -> None:
    kept: dict[str, Any] = {}

    async def put(request: Any, _context: Any) -> Any:
        kept[request.name] = request.content
        return weather.make("Station")

    async def get(request: Any, _context: Any) -> Any:
        return kept[request.name]

    weather.behaviours |= {"PutPicture": put, "GetPicture": get}
    content = bytes(range(256)) * 10
    put_answer = gateway.client.put("/v1/stations/a/picture", content=content, headers={"content-type": "image/png"})
    answered = gateway.client.get("/v1/stations/a/picture")
    assert put_answer.status_code == 200
    assert (answered.content, answered.headers["content-type"]) == (content, "image/png")
    assert kept["stations/a"].content_type == "image/png"


def test_bytes_without_a_content_type_or_with_a_bad_one_are_still_carried(gateway: Running, weather: Weather) -> None:
    types = ["", "text/plain\r\nset-cookie: a=b", "\u0442", "text/\1plain\x7f"]

    async def get(_request: Any, _context: Any) -> Any:
        body = weather.make("Picture").content
        body.content_type, body.data = types.pop(0), b"a"
        return body

    weather.behaviours["GetPicture"] = get
    for _ in range(4):
        answered = gateway.client.get("/v1/stations/a/picture")
        assert (answered.status_code, answered.content) == (200, b"a")
        assert "set-cookie" not in answered.headers
