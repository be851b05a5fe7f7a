"""A server stream as Server-Sent Events, as one JSON value a line, or as a JSON array."""

import re
from dataclasses import dataclass

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"
JSON = "application/json"

_ACCEPTED = re.compile(r"\s*([^;,\s]+)([^,]*)")
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)", re.IGNORECASE)
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Form:
    """How a stream is written.

    Attributes:
        content_type: What it is called.
        head: Before the first element.
        tail: After the last.
        pause: When nothing has come for a while, so that nobody between takes the connection for dead.
    """

    content_type: str
    head: bytes = b""
    tail: bytes = b""
    pause: bytes = b""

    def element(self, payload: bytes, event_id: str = "", *, is_first: bool) -> bytes:
        """Write one message."""
        if self.content_type == EVENT_STREAM:
            return _event(payload, event_id=event_id)
        if self.content_type == NDJSON:
            return payload + b"\n"
        return payload if is_first else b"," + payload

    def failure(self, payload: bytes, *, is_first: bool) -> bytes:
        """Write what went wrong after the stream had begun, as its last element."""
        if self.content_type == EVENT_STREAM:
            return _event(payload, kind=b"error")
        return self.element(b'{"error":' + payload + b"}", is_first=is_first)


FORMS = {
    EVENT_STREAM: Form(EVENT_STREAM, pause=b": keep-alive\n\n"),
    NDJSON: Form(NDJSON),
    JSON: Form(JSON, head=b"[", tail=b"]"),
}
# What lines of JSON are called besides.
_LINES = frozenset({NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"})

_NAMES = {**{name: name for name in FORMS}, **dict.fromkeys(_LINES, NDJSON)}


def chosen(accept: str) -> Form:
    """Choose the form by the Accept header: the one it prefers, and an array where it names none."""
    best, best_quality = JSON, 0.0
    for media_type, parameters in _ACCEPTED.findall(accept):
        name = _NAMES.get(media_type.lower())
        quality = _QUALITY.search(parameters)
        weight = float(quality[1]) if quality else 1.0
        if name is not None and weight > best_quality:
            best, best_quality = name, weight
    return FORMS[best]


def is_lines(content_type: str) -> bool:
    """Tell whether a body of this type can be read line by line; one that does not say is believed to."""
    return content_type.partition(";")[0].strip().lower() in {*_LINES, JSON, ""}


def _event(payload: bytes, *, event_id: str = "", kind: bytes = b"") -> bytes:
    """Write a Server-Sent Event; an identifier that cannot be written on one line is left out."""
    lines = [b"event: " + kind] if kind else []
    if event_id and not re.search("[\0\r\n]", event_id):
        lines.append(b"id: " + event_id.encode())
    lines += [b"data: " + line for line in _LINE_ENDS.split(payload)]
    return b"\n".join(lines) + b"\n\n"
