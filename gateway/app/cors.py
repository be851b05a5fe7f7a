"""Which other origins may use the gateway from a browser: none, unless a setting names them."""

from collections.abc import Mapping, Sequence

from gateway.errors import Header

_EXPOSED = b"etag, idempotent-replayed, location, retry-after, x-request-id"
_MAX_AGE_S = b"600"


class Cors:
    """Answers the questions browsers ask before and after a request from another origin.

    Args:
        origins: As in `https://example.org`; `*` is every origin.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request: Mapping[bytes, bytes]) -> list[Header]:
        """What every answer carries."""
        if not self._origins:
            return []
        origin = request.get(b"origin")
        if origin is None or not self._origins & {origin, b"*"}:
            return [(b"vary", b"origin")]
        allowed = b"*" if b"*" in self._origins else origin
        return [
            (b"vary", b"origin"),
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, request: Mapping[bytes, bytes], allow: bytes) -> list[Header]:
        """What the answer to a preflight request carries beside that; nothing for another request."""
        if b"access-control-request-method" not in request or not self._origins & {request.get(b"origin", b""), b"*"}:
            return []
        return [
            (b"access-control-allow-methods", allow),
            (b"access-control-allow-headers", request.get(b"access-control-request-headers", b"*")),
            (b"access-control-max-age", _MAX_AGE_S),
        ]
