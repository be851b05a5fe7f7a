"""One HTTP request and its answer, over ASGI."""

import asyncio
import contextlib
import re
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from gateway import metadata
from gateway.errors import Header, RefusedError

Message = MutableMapping[str, Any]  # Any: as ASGI has it
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE: Header = (b"connection", b"close")

_GZIP = 31  # zlib's way of saying: gzip, with its header and checksum
_GZIP_LEVEL = 5
_WORTH_COMPRESSING = 1024
_LINGER_S = 1.0
_DIGITS_MAX = 18  # of a length that anybody could mean
_ACCEPTS_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)


class HungUpError(Exception):
    """The client has gone; nobody is left to answer."""


class Exchange:
    """A request as it came, and the means to answer it once.

    Attributes:
        method: The HTTP method.
        version: Of HTTP, as in `1.1`.
        path: Still percent-encoded.
        query: Likewise.
        headers: By name in lower case; of a repeated one the last.
        client: The address that the connection comes from; empty if it has none.
        request_id: Taken over from the client if it is sane, else new.
        pattern: The template that was matched, which is what logs may name; empty before.
        status: What was answered; 0 before.
        answer_headers: Sent with every answer.
    """

    __slots__ = (
        *("_has_more", "_receive", "_send", "answer_headers", "all_headers", "client", "headers", "method", "path"),
        *("pattern", "query", "request_id", "status", "version"),
    )

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._has_more = True
        self.version: str = scope["http_version"]
        self.method: str = scope["method"]
        raw_path: bytes | None = scope.get("raw_path")
        self.path: str = quote(scope["path"]) if raw_path is None else raw_path.decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.all_headers: list[Header] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.all_headers)
        self.client: str = (scope.get("client") or ("",))[0]
        sent = self.headers.get(b"x-request-id")
        self.request_id: bytes = sent if sent and metadata.is_request_id(sent) else uuid4().hex.encode()
        self.pattern = ""
        self.status = 0
        self.answer_headers: list[Header] = []

    @property
    def has_begun(self) -> bool:
        """Whether the client has been told a status."""
        return self.status != 0

    @property
    def content_type(self) -> str:
        """The body's content type as the client gave it; empty without."""
        return self.headers.get(b"content-type", b"").decode("latin-1")

    async def body(self, max_bytes: int, timeout_s: float, deadline: float) -> bytes:
        """Read the whole body, decompressed.

        Args:
            max_bytes: How large it may be.
            timeout_s: How long it may take.
            deadline: When the whole request must be done, on the clock of the running loop.

        Raises:
            RefusedError: It is too large, too slow, or compressed in a way that is not understood.
            HungUpError: The client went away before its end.
        """
        encoding = self.headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in (b"identity", b"gzip"):
            raise RefusedError(415, "the body is compressed with something else than gzip")
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and (len(declared) > _DIGITS_MAX or int(declared) > max_bytes):
            raise _too_large(max_bytes)
        latest = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(min(latest, deadline)):
                body = await self._whole(max_bytes)
        except TimeoutError:
            if deadline <= latest:
                raise RefusedError(504, "the deadline passed while the body arrived", headers=(CLOSE,)) from None
            raise RefusedError(408, "the body took too long to arrive", headers=(CLOSE,)) from None
        return _decompressed(body, max_bytes) if encoding == b"gzip" else body

    async def chunk(self) -> tuple[bytes, bool]:
        """Read what has come of the body; tell whether there is more.

        Raises:
            HungUpError: The client went away.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise HungUpError
        self._has_more = message.get("more_body", False)
        return message.get("body", b""), self._has_more

    async def chunks(self, max_bytes: int, timeout_s: float) -> AsyncGenerator[bytes, None]:
        """Read the body as it comes.

        Args:
            max_bytes: How large it may be in all.
            timeout_s: How long each part of it may take.

        Raises:
            RefusedError: It is too large, too slow, or compressed.
            HungUpError: The client went away before its end.
        """
        if self.headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise RefusedError(415, "a streamed body cannot be compressed")
        size, has_more = 0, True
        while has_more:
            try:
                async with asyncio.timeout(timeout_s):
                    chunk, has_more = await self.chunk()
            except TimeoutError:
                raise RefusedError(408, "the body took too long to arrive", headers=(CLOSE,)) from None
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            if chunk:
                yield chunk

    async def hang_up(self) -> None:
        """Wait until the client goes away; what it still sends is dropped."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, headers: Iterable[Header], payload: bytes = b"") -> None:
        """Send the whole answer.

        If the connection is closed after it, what still comes of the body is dropped for a moment: closed at once, the
        connection would be reset, and the client might never see the answer.
        """
        sent = [*headers, *self.answer_headers]
        closes = CLOSE in sent
        if len(payload) >= _WORTH_COMPRESSING:
            sent.append((b"vary", b"accept-encoding"))
            if _ACCEPTS_GZIP.search(self.headers.get(b"accept-encoding", b"")):
                payload = _compressed(payload)
                sent.append((b"content-encoding", b"gzip"))
        if status not in (204, 304):
            sent.append((b"content-length", b"%d" % len(payload)))
        await self.begin(status, sent)
        await self.send(b"" if self.method == "HEAD" else payload, is_last=not closes)
        if closes:
            await self._drop_body()
            await self.send(b"", is_last=True)

    async def begin(self, status: int, headers: list[Header]) -> None:
        """Send the status and the headers."""
        if all(name != b"x-request-id" for name, _ in headers):
            headers.append((b"x-request-id", self.request_id))
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, payload: bytes, *, is_last: bool = False) -> None:
        """Send a part of the body; waits while the client is slow to take it."""
        await self._send({"type": "http.response.body", "body": payload, "more_body": not is_last})

    async def send_within(self, payload: bytes, timeout_s: float) -> None:
        """Send a part of the body to a client that may have stopped taking it.

        Raises:
            HungUpError: It took nothing for so long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self.send(payload)
        except TimeoutError:
            raise HungUpError from None

    def noting(self, send: Send) -> Send:
        """Let another application answer, but know the status and add what every answer carries."""

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                own: list[Header] = [*self.answer_headers, (b"x-request-id", self.request_id)]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        return note

    async def _drop_body(self) -> None:
        with contextlib.suppress(HungUpError, TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while self._has_more:
                    await self.chunk()

    async def _whole(self, max_bytes: int) -> bytes:
        body, has_more = await self.chunk()
        if not has_more and len(body) <= max_bytes:
            return body
        gathered = bytearray(body)
        while has_more and len(gathered) <= max_bytes:
            body, has_more = await self.chunk()
            gathered += body
        if len(gathered) > max_bytes:
            raise _too_large(max_bytes)
        return bytes(gathered)


def _too_large(max_bytes: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {max_bytes} bytes", headers=(CLOSE,))


def _decompressed(body: bytes, max_bytes: int) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(body, max_bytes + 1)
    except zlib.error:
        raise RefusedError(400, "the body is not gzip") from None
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    if not reader.eof or reader.unused_data:
        raise RefusedError(400, "the body is not one whole gzip stream")
    return plain


def _compressed(payload: bytes) -> bytes:
    writer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)
    return writer.compress(payload) + writer.flush()
