"""Failures as HTTP answers: the status table, and one JSON form for all of them.

{"code": <the gRPC code's number>, "message": "...", "details": [...]}
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Header = tuple[bytes, bytes]

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = range(6)
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 8, 12, 13, 14, 16

CLIENT_CLOSED_REQUEST = 499

HTTP_STATUS = {
    CANCELLED: CLIENT_CLOSED_REQUEST,
    UNKNOWN: 500,
    INVALID_ARGUMENT: 400,
    DEADLINE_EXCEEDED: 504,
    NOT_FOUND: 404,
    6: 409,  # ALREADY_EXISTS
    7: 403,  # PERMISSION_DENIED
    RESOURCE_EXHAUSTED: 429,
    9: 400,  # FAILED_PRECONDITION
    10: 409,  # ABORTED
    11: 400,  # OUT_OF_RANGE
    UNIMPLEMENTED: 501,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    15: 500,  # DATA_LOSS
    UNAUTHENTICATED: 401,
}

# What the gateway's own refusals are called in gRPC's words.
_CODE = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    408: DEADLINE_EXCEEDED,
    413: RESOURCE_EXHAUSTED,
    414: INVALID_ARGUMENT,
    415: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    431: RESOURCE_EXHAUSTED,
    500: INTERNAL,
    501: UNIMPLEMENTED,
    502: INTERNAL,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
    505: UNIMPLEMENTED,
}

# Sent where the failure itself says nothing more exact.
_HEADERS: dict[int, tuple[Header, ...]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: the dotted path of the field, and what it must be."""

    field: str
    description: str


class RefusedError(Exception):
    """The gateway answers by itself.

    Args:
        status: The HTTP status.
        message: One sentence for the caller.
        violations: The fields at fault, if it is their fault.
        headers: Sent along.
    """

    def __init__(
        self, status: int, message: str, *, violations: Sequence[Violation] = (), headers: Sequence[Header] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = _CODE[status]
        self.message = message
        self.headers = tuple(headers)
        self.details = [_bad_request(violations)] if violations else []


def invalid(violations: Sequence[Violation]) -> RefusedError:
    """A refusal that lists everything wrong with the request."""
    message = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations)
    return RefusedError(400, message, violations=violations)


def http_status(code: int) -> int:
    """Answer the HTTP status for a gRPC code; 500 for one that nobody defined."""
    return HTTP_STATUS.get(code, 500)


def default_headers(status: int) -> tuple[Header, ...]:
    """Answer what a status asks to be sent with it, unless the failure brings its own."""
    return _HEADERS.get(status, ())


def payload(code: int, message: str, details: Sequence[Any] = ()) -> bytes:
    """Write the answer's body.

    Args:
        code: The gRPC code.
        message: One sentence for the caller.
        details: Each as the JSON form of a google.protobuf.Any.
    """
    return json.dumps(
        {"code": code, "message": message, "details": list(details)}, ensure_ascii=False, separators=(",", ":")
    ).encode("utf-8", errors="replace")


def phrase(status: int) -> str:
    """Name a status, where there is nothing else to say."""
    return HTTPStatus(status).phrase


def _bad_request(violations: Sequence[Violation]) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [{"field": v.field, "description": v.description} for v in violations],
    }
