"""What the client is told when something goes wrong."""

import re
from dataclasses import dataclass
from typing import cast

import grpc.aio

from gateway import errors, metadata
from gateway.codec import Codec
from gateway.errors import Header, RefusedError

Received = list[tuple[str, str | bytes]]

_JSON: Header = (b"content-type", b"application/json")

# Texts that gRPC itself writes; they name addresses and tracebacks of the inside.
_INTERNAL_TEXT = re.compile(
    r"ipv[46]:|unix:|dns:|connect|socket|recvmsg|GOAWAY|RST_STREAM|Stream removed|Broken pipe|keepalive|watchdog"
    r"|Exception (?:calling|iterating|deserializing|serializing)|Unexpected <class",
    re.IGNORECASE,
)
_SENTENCES = {
    errors.DEADLINE_EXCEEDED: "the service did not answer in time",
    errors.UNAVAILABLE: "the service cannot be reached",
    errors.RESOURCE_EXHAUSTED: "the service's answer is larger than the gateway carries",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that tells what went wrong."""

    status: int
    headers: tuple[Header, ...]
    payload: bytes


def of(error: RefusedError | grpc.aio.AioRpcError, codec: Codec) -> Failure:
    """What is told of a failed call."""
    return of_refusal(error) if isinstance(error, RefusedError) else of_call(error, codec)


def of_refusal(error: RefusedError) -> Failure:
    """What the gateway refuses by itself."""
    return _failure(error.status, list(error.headers), errors.payload(error.code, error.message, error.details))


def of_call(error: grpc.aio.AioRpcError, codec: Codec) -> Failure:
    """What a call came back with; the details as they are, or as bytes where their type is not known."""
    code: int = error.code().value[0]
    initial, trailing = (cast("Received", list(each)) for each in (error.initial_metadata(), error.trailing_metadata()))
    packed = [value for name, value in trailing if name == "grpc-status-details-bin"]
    details = codec.details(packed[0]) if packed and isinstance(packed[0], bytes) else []
    message = error.details() or ""
    if not details and _INTERNAL_TEXT.search(message):
        message = _SENTENCES.get(code, "the service failed")
    status = errors.http_status(code)
    return _failure(status, metadata.outgoing(initial, trailing), errors.payload(code, message, details))


def unforeseen(request_id: bytes) -> Failure:
    """A fault of the gateway's own: nothing of it is told but where to look it up."""
    message = f"internal error, request {request_id.decode()}"
    return _failure(500, [], errors.payload(errors.INTERNAL, message))


def _failure(status: int, headers: list[Header], payload: bytes) -> Failure:
    given = {name for name, _ in headers}
    missing = [header for header in errors.default_headers(status) if header[0] not in given]
    return Failure(status, (_JSON, *headers, *missing), payload)
