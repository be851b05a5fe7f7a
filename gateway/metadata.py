"""HTTP headers to gRPC metadata and back, and the deadline."""

import base64
import binascii
import re
from collections.abc import Iterable

from gateway.errors import Header, RefusedError, Violation, invalid

Metadata = tuple[tuple[str, str | bytes], ...]

# Everything that is neither here nor has the prefix is dropped.
_PASSED_IN = frozenset({b"authorization", b"idempotency-key", b"traceparent", b"tracestate", b"accept-language"})
_PASSED_OUT = frozenset({"retry-after", "etag", "idempotent-replayed", "x-request-id", "www-authenticate"})
_PREFIX = b"grpc-metadata-"

# What gRPC or HTTP/2 itself writes; a caller must not.
_RESERVED = frozenset({"", "connection", "content-type", "host", "te", "transfer-encoding", "user-agent"})

# What services trust to be said once by its own header, or only by those who stand in between: with the prefix it could
# be said a second time, or past whoever looks at the header.
_TRUSTED = frozenset(
    {
        *(name.decode() for name in _PASSED_IN),
        *("forwarded", "proxy-authorization", "via", "www-authenticate", "x-real-ip", "x-request-id"),
    }
)
_TRUSTED_PREFIXES = ("grpc-", "x-forwarded-")

_KEY = re.compile(r"[0-9a-z_.-]+")
_VISIBLE = re.compile(rb"[ -~]*")
_REQUEST_ID = re.compile(rb"[!-~]{1,128}")
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNIT_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def incoming(headers: Iterable[Header], request_id: bytes, max_bytes: int) -> Metadata:
    """Choose what goes upstream.

    Args:
        headers: Of the request, names in lower case.
        request_id: Goes along, whether or not the caller sent one.
        max_bytes: Bounds names and values together: gRPC loses what its peer does not accept.

    Raises:
        RefusedError: A value cannot be metadata, or there is too much of it.
    """
    passed: list[tuple[str, str | bytes]] = [("x-request-id", request_id.decode())]
    size = 0
    for name, value in headers:
        if name in _PASSED_IN:
            passed.append((name.decode(), _text(name, value)))
            size += len(name) + len(value)
        elif name.startswith(_PREFIX):
            passed += _prefixed(name, value)
            size += len(name) + len(value)
    if size > max_bytes:
        raise RefusedError(431, "the headers that go upstream are too large")
    return tuple(passed)


def outgoing(*received: Iterable[tuple[str, str | bytes]]) -> list[Header]:
    """Make headers of what came back before and after the answer."""
    headers: list[Header] = []
    for metadata in received:
        for name, value in metadata:
            if name in _RESERVED or name.startswith("grpc-"):
                continue
            text = base64.b64encode(value) if isinstance(value, bytes) else value.encode("utf-8")
            if _VISIBLE.fullmatch(text):
                headers.append((name.encode() if name in _PASSED_OUT else _PREFIX + name.encode(), text))
    return headers


def is_request_id(value: bytes | None) -> bool:
    """Tell whether a caller's request id can be taken over as it is."""
    return value is not None and _REQUEST_ID.fullmatch(value) is not None


def timeout_s(sent: bytes | None, default_s: float, max_s: float) -> float:
    """Answer how long the call may take.

    Args:
        sent: The `Grpc-Timeout` header.
        default_s: Without one.
        max_s: However much is asked for.

    Raises:
        RefusedError: The header is no gRPC timeout.
    """
    if sent is None:
        return min(default_s, max_s)
    found = _TIMEOUT.fullmatch(sent)
    if found is None:
        raise invalid([Violation("Grpc-Timeout", "must be up to 8 digits and one of H, M, S, m, u, n")])
    return min(int(found[1]) * _UNIT_S[found[2]], max_s)


def _prefixed(name: bytes, value: bytes) -> list[tuple[str, str | bytes]]:
    key = name.removeprefix(_PREFIX).decode("latin-1")
    if not _KEY.fullmatch(key) or not _is_free(key.removesuffix("-bin")):
        return []
    if not key.endswith("-bin"):
        return [(key, _text(name, value))]
    try:
        return [(key, base64.b64decode(value + b"=" * (-len(value) % 4), validate=True))]
    except binascii.Error:
        raise invalid([Violation(name.decode("latin-1"), "must be base64")]) from None


def _is_free(key: str) -> bool:
    """Tell whether a caller may choose the value; a dot or an underscore makes no other name to some readers."""
    spelt = key.replace("_", "-").replace(".", "-")
    return spelt not in _RESERVED | _TRUSTED and not spelt.startswith(_TRUSTED_PREFIXES)


def _text(name: bytes, value: bytes) -> str:
    if not _VISIBLE.fullmatch(value):
        raise invalid([Violation(name.decode("latin-1"), "must be printable ASCII")])
    return value.decode()
