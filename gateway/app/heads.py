"""What a request's line and headers must be, beyond what the HTTP parser asks for."""

import re

from gateway.app.exchange import Exchange
from gateway.app.limits import Limits
from gateway.errors import RefusedError

_VERSIONS = ("1.0", "1.1")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")

# Of two of them, somebody between the client and the gateway may have read the other one.
_SINGLE = frozenset(
    {
        *(b"authorization", b"content-encoding", b"content-length", b"content-type", b"grpc-timeout", b"host"),
        *(b"idempotency-key", b"last-event-id", b"transfer-encoding", b"x-request-id"),
    }
)


def check(exchange: Exchange, limits: Limits) -> None:
    """Refuse a request that is too large before its body, or that two readers could read in two ways.

    Raises:
        RefusedError: It is.
    """
    _check_size(exchange, limits)
    headers = exchange.headers
    if exchange.version not in _VERSIONS:
        raise RefusedError(505, "only HTTP/1.1 and HTTP/1.0 are served")
    if len(headers) != len(exchange.all_headers):
        _check_repeated(exchange)
    host = headers.get(b"host")
    if not _HOST.fullmatch(host) if host is not None else exchange.version != "1.0":
        raise RefusedError(400, "the Host header must name a host")
    encoding = headers.get(b"transfer-encoding")
    if encoding is not None and exchange.version == "1.0":
        raise RefusedError(400, "HTTP/1.0 has no Transfer-Encoding")
    if encoding is not None and encoding.strip().lower() != b"chunked":
        raise RefusedError(501, "of all transfer encodings only chunked is understood")


def _check_size(exchange: Exchange, limits: Limits) -> None:
    if len(exchange.path) + len(exchange.query) > limits.url_max_bytes:
        raise RefusedError(414, f"the URL is longer than {limits.url_max_bytes} bytes")
    headers = exchange.all_headers
    if len(headers) > limits.headers_max:
        raise RefusedError(431, f"there are more than {limits.headers_max} headers")
    if sum(len(name) + len(value) for name, value in headers) > limits.headers_max_bytes:
        raise RefusedError(431, f"the headers are larger than {limits.headers_max_bytes} bytes")


def _check_repeated(exchange: Exchange) -> None:
    seen = set()
    for name, _ in exchange.all_headers:
        if name in seen and name in _SINGLE:
            raise RefusedError(400, f"the header {name.decode('latin-1')} is given more than once")
        seen.add(name)
