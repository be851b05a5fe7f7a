"""The HTTP/1.1 server: uvicorn, with bounds on what it leaves unbounded."""

import asyncio
import resource
import socket
from typing import cast
from uuid import uuid4

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from chassis.logs import log
from gateway import errors
from gateway.app import Gateway, meter
from gateway.app.limits import Limits

_READ_BYTES = 256 * 1024  # the most that one read of a socket brings

_LINGER_S = 1.0

_JOINED_MAX_BYTES = 64 * 1024  # copying more costs more than another write

# Written between a name and its value, and after it; a request's line has more than a URL.
_HEADER_EXTRA_BYTES = 4
_LINE_EXTRA_BYTES = 64


class Server(uvicorn.Server):
    """Serves a gateway; on shutdown it ends the streams before it waits for what is under way.

    Args:
        app: What is served.
        host: The address to listen on.
        port: Likewise.
        drain_s: How long requests may take to finish after SIGTERM.
    """

    def __init__(self, app: Gateway, host: str = "127.0.0.1", port: int = 0, drain_s: float = 20.0) -> None:
        limits = app.limits
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="uvloop",
                http=type("Connection", (_Connection,), {"limits": limits}),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=round(limits.idle_timeout_s),
                timeout_graceful_shutdown=round(drain_s),
            )
        )
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, with as many connections as the system allows."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, finish what is under way, and close the channels."""
        self._app.drain()
        await super().shutdown(sockets)


class _Connection(HttpToolsProtocol):
    """One connection of uvicorn's, mended.

    By itself uvicorn takes a head of any size for as long as it likes to arrive, takes the trailers of a body for
    headers, answers what is no HTTP before the requests that came before it, of several pipelined requests tells only
    the last that the client has gone, and keeps for ever what a client does not read.
    """

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request, unless there are too many connections already."""
        self._is_in_head = False
        self._is_in_body = False
        self._head_bytes = 0
        self._is_deaf = False
        self._unanswered: list[RequestResponseCycle] = []
        self._head_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._unsent_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # to be told of a client that takes nothing, even of a few bytes
        if len(self.connections) > self.limits.connections_max:
            self._refuse(503, f"there are {self.limits.connections_max} connections already")
        else:
            self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everything stop that is done for the client."""
        self._free_head()
        self._watch_reader(is_behind=False)
        super().connection_lost(exc)
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def data_received(self, data: bytes) -> None:  # named by asyncio
        """Read on; a head that is not complete by now has a limit."""
        if self._is_deaf or self.transport.is_closing():
            return
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._head_max_bytes + _READ_BYTES:
                self._refuse(431, "the request's line and headers are too large")
            elif self._head_timer is None:
                self._limit_head()
        elif self._is_idle and self.timeout_keep_alive_task is None and self._head_timer is None:
            self._limit_head()  # empty lines, which are no request yet

    def pause_writing(self) -> None:
        """There is more to send than the client takes."""
        super().pause_writing()
        self._watch_reader(is_behind=True)

    def resume_writing(self) -> None:
        """The client has taken everything."""
        self._watch_reader(is_behind=False)
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after the body, which nobody waits for, are dropped."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Serve the request, or let it wait for those before it."""
        if b"#" in self.url:
            raise ValueError("a fragment is not for servers")
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", OneWrite(self.transport, self.cycle))
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # what follows may be in another protocol
        self._free_head()
        self._is_in_head, self._is_in_body = False, True
        self._unanswered = [*(cycle for cycle in self._unanswered if not cycle.response_complete), self.cycle]

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._is_in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- as uvicorn has it
        """Answer what is no HTTP: after everything that was asked for before."""
        unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._is_deaf = True
        if unanswered and not self._is_in_body:
            unanswered[-1].keep_alive = False
        elif len(unanswered) > 1 or any(cycle.response_started for cycle in unanswered):
            self.transport.close()
        else:
            self._refuse(400, "the request is not HTTP/1.1")

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def _head_max_bytes(self) -> int:
        limits = self.limits
        extra_bytes = limits.headers_max * _HEADER_EXTRA_BYTES + _LINE_EXTRA_BYTES
        return limits.url_max_bytes + limits.headers_max_bytes + extra_bytes

    def _limit_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_timeout_s, self._time_out)

    def _free_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _time_out(self) -> None:
        """Answer a client that has begun a request; close on one that has not."""
        self._head_timer = None
        if self.transport.is_closing() or not self._is_idle:
            return
        if self._is_in_head:
            self._refuse(408, "the request's line and headers took too long to arrive")
        else:
            self.transport.close()

    def _watch_reader(self, *, is_behind: bool) -> None:
        if self._unsent_timer is not None:
            self._unsent_timer.cancel()
            self._unsent_timer = None
        if is_behind:
            self._unsent_bytes = self.transport.get_write_buffer_size()
            self._unsent_timer = self.loop.call_later(self.limits.send_timeout_s, self._let_reader_go)

    def _let_reader_go(self) -> None:
        """Cut off a client that has taken nothing since it was looked at last, even one that is being closed."""
        if self.transport.get_write_buffer_size() < self._unsent_bytes:
            self._watch_reader(is_behind=True)
        else:
            self.transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        """Answer without the application, and close."""
        request_id = uuid4().hex
        refused = errors.RefusedError(status, message)
        payload = errors.payload(refused.code, refused.message)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(payload)),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
            *errors.default_headers(status),
        ]
        written = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + written + b"\r\n" + payload)
        self._is_deaf = True
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)  # at once, it might be reset before the client reads
        meter.count("", "", status, 0)
        log.info("request", method="", path="", status=status, duration_ms=0, request_id=request_id)


class OneWrite:
    """What an answer is written to: keeps its head until there is some of its body, so that both leave in one packet.

    ASGI lets a server wait for that. Every write is a call of the kernel, and wakes up the client.
    """

    __slots__ = ("_cycle", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle = cycle
        self._head: bytes | None = None  # not there yet; empty when it has been sent

    def write(self, payload: bytes) -> None:
        """Send, or keep what is the head: the first that uvicorn writes once the answer has begun."""
        if self._head is None and self._cycle.response_started and self._cycle.scope["method"] != "HEAD":
            self._head = payload
        elif self._head and len(payload) < _JOINED_MAX_BYTES:
            self._head, payload = b"", self._head + payload
            self._transport.write(payload)
        else:
            self._send_head()
            self._transport.write(payload)

    def close(self) -> None:
        """Close, after everything that was written."""
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether nothing can be sent any more."""
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            self._head, head = b"", self._head
            self._transport.write(head)
