"""Anything at all as a request, to the application itself: it is answered, and never with 500."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import bootstrap
from gateway.app import Gateway
from tests.integration.gateway.stand import PACKAGE, QUICK, Stand

Message = dict[str, Any]

PIECES = [
    *("/v1", "/stations", "/a", ":watch", ":measure", ":", "/", "//", "/health", "/docs", "*", "**", "{", "}"),
    *("%", "%2F", "%C3%A4", "%FF", "%zz", "%00", ".", "..", "+", "\u00ff", "\x00", " ", ";", "@", "?", "#"),
]
WILD = st.lists(st.sampled_from(PIECES) | st.text(st.characters(max_codepoint=255), max_size=4), max_size=6)
ROUTES = [
    *("GET /v1/stations/%", "GET /v1/paths/%/%", "GET /v1/stations", "GET /v1/stations:list", "POST /v1/stations"),
    *("PATCH /v1/stations/%", "DELETE /v1/stations/%", "POST /v1/stations/%:measure", "POST /v1/stations/%:calibrate"),
    *("PURGE /v1/stations/%", "GET /v1/readings:watch", "GET /v1/readings:export", "POST /v1/readings:upload"),
    *("PUT /v1/stations/%/picture", "GET /v1/stations/%/picture", "GET /v1/stations/%/film", "POST /v1/talk"),
    *("PUT /v1/stations/%/film", "GET /health", "GET /livez", "GET /docs", "GET /openapi.json"),
]
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE", "TRACE", "", "g e t"])
SEGMENTS = st.sampled_from(["a", "%C3%A4", "a%2Fb", "a:b", "%FF", "%"]) | st.text(
    st.characters(max_codepoint=255, exclude_characters="%"), max_size=3
)
PATHS = WILD.map("".join)
REQUEST_LINES = st.tuples(st.sampled_from(ROUTES), st.none() | METHODS, SEGMENTS).map(
    lambda parts: (parts[1] or parts[0].split()[0], parts[0].split()[1].replace("%", parts[2]))
) | st.tuples(METHODS, PATHS)
NAMES = [
    *("size", "filter.kinds", "filter.words", "filter", "name", "language", "station", "station.name", "after_id"),
    *("update_mask", "updateMask", "is_rehearsal", "count", "", ".", "filter.", "nothing", "a[b]"),
]
TEXTS = ["1", "-1", "1e9", "99999999999999999999", "true", "SEA", "a,b", "a_b", "%", "%FF", "+", "", "NaN", "\u00ff"]
QUERIES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS) | st.text(st.characters(max_codepoint=255), max_size=3)),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={text}" for name, text in pairs))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["name", "title", "kind", "altitude", "height", "serial", "station", "quantity", "number"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"{}\n{}")
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(
                    b"content-type",
                    b"content-encoding",
                    b"accept",
                    b"accept-encoding",
                    b"grpc-timeout",
                    b"last-event-id",
                ),
                *(b"x-request-id", b"authorization", b"grpc-metadata-a", b"grpc-metadata-a-bin", b"host", b"origin"),
                *(b"content-length", b"transfer-encoding", b"if-none-match"),
            ]
        ),
        st.sampled_from(
            [
                *(
                    b"application/json",
                    b"application/x-ndjson",
                    b"text/event-stream",
                    b"gzip",
                    b"identity",
                    b"1S",
                    b"1n",
                ),
                *(b"", b"a", b"\xff", b"AP8=", b"*", b"chunked", b"-1", b"9" * 5000),
            ]
        )
        | st.binary(max_size=4),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def standing() -> Iterator[Stand]:
    """A service of its own: some calls are still on their way when their test has ended."""
    with Stand() as stand:
        yield stand


@pytest.fixture(scope="module")
def app(standing: Stand) -> Iterator[Gateway]:
    """A gateway without a server."""
    made = bootstrap.build_app(standing.descriptor_set, {PACKAGE: standing.address}, None, None, **QUICK)
    yield made
    standing.run(lifespan(made, "lifespan.shutdown"))


async def lifespan(app: Gateway, event: str) -> None:
    """Tell the application of an event in its life."""

    async def receive() -> Message:
        return {"type": event}

    async def send(_message: Any) -> None:
        pass

    await app({"type": "lifespan"}, receive, send)


async def answered(app: Gateway, scope: Message, parts: list[bytes]) -> list[Message]:
    """What the application sends for a request; the client is there to the end."""
    sent: list[Message] = []
    remaining = [
        {"type": "http.request", "body": part, "more_body": at + 1 < len(parts)} for at, part in enumerate(parts)
    ]

    async def receive() -> Message:
        if not remaining:
            await asyncio.Event().wait()
        return remaining.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(request_line=REQUEST_LINES, query=QUERIES, headers=HEADERS, body=BODIES)
def test_any_request_is_answered_once_and_never_with_500(
    app: Gateway, standing: Stand, *, request_line: tuple[str, str], query: str, headers: Any, body: bytes
) -> None:
    method, path = request_line
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(b"host", b"a"), *headers],
    }
    sent = standing.run(answered(app, scope, [body[:3], body[3:]]))
    assert [message["type"] for message in sent].count("http.response.start") == 1
    assert sent[0]["status"] != 500, sent
    assert sent[-1].get("more_body", False) is False
    content = b"".join(message.get("body", b"") for message in sent[1:])
    if sent[0]["status"] >= 400 and method != "HEAD":
        assert json.loads(content).keys() == {"code", "message", "details"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(path=PATHS)
def test_a_path_without_its_raw_form_is_served_as_well(app: Gateway, standing: Stand, path: str) -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"a")],
    }
    sent = standing.run(answered(app, scope, [b""]))
    assert sent[0]["status"] in (200, 400, 404, 405)
