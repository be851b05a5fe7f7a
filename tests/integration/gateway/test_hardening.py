"""The raw socket: what two readers could read in two ways is refused, what has no end is ended, and nothing is 500."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.gateway.raw import asked
from tests.integration.gateway.stand import WAIT_S, Running, Stand, Weather, eventually

GET = b"GET /v1/stations/a HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /v1/stations HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "content",
    [
        # Two lengths: whose request is what follows?
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n{}",
        POST + b"Content-Length: 0x2\r\n\r\n{}",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        POST + b"Content-Length : 2\r\n\r\n{}",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/stations HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        # Line ends that only some readers take for such.
        b"GET /v1/stations/a HTTP/1.1\nHost: a\n\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: a\rA: b\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: a\r\n\n",
        GET + b"A: b\r\n c\r\n\r\n",
        GET + b"A: b\r\n\tc\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\n Host: a\r\n\r\n",
        # Whose name is it?
        GET + b"Host: b\r\n\r\n",
        GET + b"Host: a\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHost: b@a\r\n\r\n",
        # Headers of which there can be one.
        GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n",
        POST + b"Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
        GET + b"Grpc-Timeout: 1S\r\nGrpc-Timeout: 2S\r\n\r\n",
        # Headers and lines that are none.
        GET + b"A: b\0c\r\n\r\n",
        GET + b"A b: c\r\n\r\n",
        GET + b": c\r\n\r\n",
        GET + b"Abc\r\n\r\n",
        b"FOO /v1/stations/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get /v1/stations/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/stations/a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/stations/\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/stations/a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET v1/stations/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.2\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"a" * 50,
        b"\0" * 100,
        # Chunks that are none.
        CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}\n0\r\n\r\n",
        CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_or_could_be_read_in_two_ways_is_400(
    gateway: Running, weather: Weather, content: bytes
) -> None:
    found, _ = asked(gateway.port, content)
    assert [answer.status for answer in found] == [400]
    assert json.loads(found[0].body).keys() == {"code", "message", "details"}
    assert "x-request-id" in found[0].headers
    assert weather.calls == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /v1/stations/a\r\n\r\n", 505),
        (b"GET /v1/stations/a HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Content-Length: 4194305\r\n\r\n", 413),
        (POST + b"Content-Length: 4194305\r\n\r\n" + b"a" * 4194305, 413),
        (CHUNKED + (b"10000\r\n" + b"a" * 0x10000 + b"\r\n") * 65 + b"0\r\n\r\n", 413),
        (b"GET /v1/stations/" + b"a" * 8192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /v1/stations?size=" + b"1" * 8192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (GET + b"A: b\r\n" * 100 + b"\r\n", 431),
        (GET + b"A: " + b"a" * 16_384 + b"\r\n\r\n", 431),
        (GET + b"A: " + b"a" * 5_000_000, 431),
        (GET + b"A: b\r\n" * 500_000, 431),
        (b"GET /" + b"a" * 5_000_000, 431),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (POST + b"Content-Length: 20\r\n\r\n{", 408),
        (CHUNKED + b"1\r\n{\r\n", 408),
        (b"GET /v1/stati", 408),
        (GET + b"A: b\r\n", 408),
    ],
)
def test_what_is_too_large_too_slow_or_not_served_has_its_status(
    gateway: Running, weather: Weather, content: bytes, status: int
) -> None:
    found, _ = asked(gateway.port, content)
    assert [answer.status for answer in found] == [status]
    assert json.loads(found[0].body).keys() == {"code", "message", "details"}
    assert weather.calls == []


@pytest.mark.parametrize(
    "content",
    [
        GET + b"\r\n",
        b"GET http://a/v1/stations/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n",
        b"GET /v1/stations/a HTTP/1.0\r\n\r\n",
        b"\r\n\r\n" + GET + b"\r\n",
        GET + b"Accept: a\r\nAccept: b\r\n\r\n",
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
        GET + b"Content-Length: 5\r\n\r\nGET /",
    ],
)
def test_what_is_unusual_but_clear_is_served(gateway: Running, content: bytes) -> None:
    found, _ = asked(gateway.port, content)
    assert [answer.status for answer in found] == [200]


@pytest.mark.parametrize("depth", [101, 10_000, 1_000_000])
def test_json_of_any_depth_is_400(gateway: Running, depth: int) -> None:
    for opened in (b"[", b'{"a":'):
        body = (b'{"station": ' + opened * depth)[:4_000_000]
        found, _ = asked(gateway.port, POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert found[0].status == 400
        assert "nested deeper than 100 levels" in found[0].message


def test_pipelined_requests_are_answered_in_their_order(gateway: Running, weather: Weather) -> None:
    async def behave(request: Any, _context: Any) -> Any:
        return weather.make("Station", name=request.name)

    weather.behaviours["GetStation"] = behave
    content = b"".join(GET.replace(b"/a ", b"/%d " % number) + b"\r\n" for number in range(50))
    found, is_closed = asked(gateway.port, content + b"GARBAGE\r\n\r\n")
    assert [json.loads(answer.body)["name"] for answer in found] == [f"stations/{number}" for number in range(50)]
    assert is_closed
    assert found[-1].headers["connection"] == "close"


def test_garbage_behind_a_request_neither_answers_nor_hurts_it(gateway: Running) -> None:
    found, is_closed = asked(gateway.port, POST + b"Content-Length: 2\r\n\r\n{}GARBAGE\r\n\r\n")
    assert ([answer.status for answer in found], is_closed) == ([201], True)


def test_trailers_are_not_headers(gateway: Running, weather: Weather) -> None:
    body = b"2\r\n{}\r\n0\r\nAuthorization: Bearer evil\r\nGrpc-Metadata-Tenant: evil\r\n\r\n"
    found, _ = asked(gateway.port, CHUNKED + body)
    assert found[0].status == 201
    assert not weather.calls[0][1].keys() & {"authorization", "tenant"}


def test_a_body_is_asked_for_where_the_client_waits_to_be_asked(gateway: Running) -> None:
    found, _ = asked(gateway.port, POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}")
    assert [answer.status for answer in found] == [100, 201]
    found, _ = asked(gateway.port, POST + b"Content-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")
    assert [answer.status for answer in found] == [413]


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_connection_that_asks_for_nothing_is_closed(gateway: Running, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as client:
        client.sendall(content)
        assert client.recv(1) == b""


def test_a_connection_is_kept_between_requests_but_not_for_a_head_that_trickles(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as client:
        for _ in range(3):
            client.sendall(GET + b"\r\n")
            received = b""
            while not received.endswith(b"}"):
                received += client.recv(1000)
            assert received.startswith(b"HTTP/1.1 200 ")
        client.settimeout(0.05)
        answered = b""
        for byte in GET + b"A: " + b"a" * 100:
            client.sendall(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                answered = client.recv(1000)
                break
    assert answered.startswith(b"HTTP/1.1 408 ")


@contextlib.contextmanager
def crowd(port: int, size: int, content: bytes) -> Iterator[list[socket.socket]]:
    """Many clients that send something and then nothing."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(size)]
        for each in clients:
            each.sendall(content)
        yield clients


@pytest.mark.parametrize("content", [b"", b"GET /", POST + b"Content-Length: 100\r\n\r\n{"])
def test_many_idle_connections_do_not_keep_good_clients_from_being_served(stand: Stand, content: bytes) -> None:
    with stand.gateway(head_timeout_s=3.0, body_timeout_s=3.0) as running, crowd(running.port, 500, content):
        eventually(lambda: len(running.server.server_state.connections) >= 500)
        for _ in range(20):
            assert running.client.get("/v1/stations/a").status_code == 200
        assert len(running.server.server_state.connections) >= 500
        eventually(lambda: len(running.server.server_state.connections) <= 1, timeout_s=3 * WAIT_S)
        assert running.client.get("/v1/stations/a").status_code == 200


def test_more_connections_than_the_limit_are_refused_at_once_with_503(stand: Stand) -> None:
    with stand.gateway(connections_max=3) as running:
        with crowd(running.port, 3, b""):
            eventually(lambda: len(running.server.server_state.connections) == 3)
            found, is_closed = asked(running.port, b"")
            assert ([answer.status for answer in found], is_closed) == ([503], True)
            assert found[0].headers["retry-after"] == "1"
        eventually(lambda: not running.server.server_state.connections)
        assert running.client.get("/v1/stations/a").status_code == 200
