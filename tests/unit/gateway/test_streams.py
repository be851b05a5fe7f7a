"""Streams of messages: how they are framed, and which form a client gets."""

import json

import pytest

from gateway import streams
from gateway.streams import EVENT_STREAM, FORMS, JSON, NDJSON


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("text/html", JSON),
        ("text/event-stream", EVENT_STREAM),
        ("Text/Event-Stream", EVENT_STREAM),
        ("text/event-stream; charset=utf-8", EVENT_STREAM),
        ("application/x-ndjson", NDJSON),
        ("application/ndjson", NDJSON),
        ("application/jsonl", NDJSON),
        ("application/x-jsonlines", NDJSON),
        ("text/html, text/event-stream", EVENT_STREAM),
        ("application/json, text/event-stream", JSON),
        ("text/event-stream, application/json", EVENT_STREAM),
        ("application/json;q=0.5, text/event-stream", EVENT_STREAM),
        ("application/x-ndjson;q=0.2, text/event-stream;q=0.9", EVENT_STREAM),
        ("text/event-stream;q=0", JSON),
        ("text/event-stream;q=0.0, application/x-ndjson;q=0.1", NDJSON),
        (";;;,,,", JSON),
        ("text/event-stream;q=x", EVENT_STREAM),
    ],
)
def test_the_accept_header_chooses_the_form(accept: str, form: str) -> None:
    assert streams.chosen(accept).content_type == form


def framed(form: str, *payloads: str, failure: str = "") -> bytes:
    """A whole stream of some messages."""
    chosen = FORMS[form]
    parts = [chosen.element(each.encode(), f"id{at}", is_first=at == 0) for at, each in enumerate(payloads)]
    if failure:
        parts.append(chosen.failure(failure.encode(), is_first=not payloads))
    return b"".join([chosen.head, *parts, chosen.tail])


@pytest.mark.parametrize(
    ("form", "payloads", "failure", "written"),
    [
        (JSON, (), "", b"[]"),
        (JSON, ("1",), "", b"[1]"),
        (JSON, ("1", "2"), "", b"[1,2]"),
        (JSON, ("1",), "{}", b'[1,{"error":{}}]'),
        (JSON, (), "{}", b'[{"error":{}}]'),
        (NDJSON, (), "", b""),
        (NDJSON, ("1", "2"), "", b"1\n2\n"),
        (NDJSON, ("1",), "{}", b'1\n{"error":{}}\n'),
        (EVENT_STREAM, (), "", b""),
        (EVENT_STREAM, ("1", "2"), "", b"id: id0\ndata: 1\n\nid: id1\ndata: 2\n\n"),
        (EVENT_STREAM, ("1",), "{}", b"id: id0\ndata: 1\n\nevent: error\ndata: {}\n\n"),
    ],
)
def test_a_stream_is_framed_by_its_form(form: str, payloads: tuple[str, ...], failure: str, written: bytes) -> None:
    assert framed(form, *payloads, failure=failure) == written


def test_a_json_array_is_valid_json_however_it_ends() -> None:
    for payloads in ((), ("1",), ("1", "{}")):
        assert len(json.loads(framed(JSON, *payloads))) == len(payloads)
        assert json.loads(framed(JSON, *payloads, failure="{}"))[-1] == {"error": {}}


@pytest.mark.parametrize(
    ("event_id", "line"),
    [
        ("a", b"id: a\n"),
        ("\u00e4 1", "id: \u00e4 1\n".encode()),
        ("", b""),
        ("a\nb", b""),
        ("a\rb", b""),
        ("a\0b", b""),
    ],
)
def test_an_identifier_that_cannot_stand_on_one_line_is_left_out(event_id: str, line: bytes) -> None:
    assert FORMS[EVENT_STREAM].element(b"1", event_id, is_first=True) == line + b"data: 1\n\n"


@pytest.mark.parametrize("payload", [b"a\nb", b"a\rb", b"a\r\nb"])
def test_line_ends_within_a_message_do_not_end_the_event(payload: bytes) -> None:
    assert FORMS[EVENT_STREAM].element(payload, is_first=True) == b"data: a\ndata: b\n\n"


def test_only_events_can_be_kept_alive_by_comments() -> None:
    assert FORMS[EVENT_STREAM].pause == b": keep-alive\n\n"
    assert FORMS[JSON].pause == FORMS[NDJSON].pause == b""


@pytest.mark.parametrize(
    ("content_type", "is_lines"),
    [
        ("application/x-ndjson", True),
        ("application/ndjson; charset=utf-8", True),
        ("application/json", True),
        ("", True),
        ("text/plain", False),
        ("application/octet-stream", False),
    ],
)
def test_a_body_of_many_messages_is_lines_of_json(content_type: str, is_lines: bool) -> None:
    assert streams.is_lines(content_type) is is_lines
