"""The ASGI application: finds the endpoint of a request, keeps the limits, and answers.

The only room of the gateway that waits for anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType

import grpc.aio

from chassis.logs import log
from gateway.app import calls, failures, heads, meter, uploads
from gateway.app.callers import Callers
from gateway.app.cors import Cors
from gateway.app.endpoint import Endpoint
from gateway.app.exchange import Exchange, HungUpError, Message, Receive, Send
from gateway.app.failures import Failure
from gateway.app.limits import Limits
from gateway.app.watching import Watching
from gateway.errors import CLIENT_CLOSED_REQUEST, RefusedError
from gateway.router import ANY_METHOD, Router
from gateway.upstream import Upstreams

_NEVER_REFUSED = frozenset({"/health", "/livez"})
"""Pages that supervisors ask for, however busy their address is."""

_PAGE_METHODS = ("GET", "HEAD")

_OUT_OF_TIME = RefusedError(503, "the gateway is stopping and waits no longer; whether this was done is unknown")

Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Gateway:
    """Serves the endpoints, and pages beside them.

    Attributes:
        limits: What a client can ask for.

    Args:
        router: From requests to endpoints.
        pages: Other applications, which can only be read, by path. None takes a request that an endpoint takes.
        upstreams: Closed when the server shuts down.
        callers: Who may ask, and how often.
        limits: What a client can ask for.
        cors: Which other origins may ask for it.
    """

    def __init__(  # noqa: PLR0913 -- what it is made of
        self,
        router: Router[Endpoint],
        pages: Mapping[str, Application],
        *,
        upstreams: Upstreams,
        callers: Callers,
        limits: Limits,
        cors: Cors,
    ) -> None:
        self._router = router
        self._pages = pages
        self._upstreams = upstreams
        self._callers = callers
        self.limits = limits
        self._cors = cors
        self._watching = Watching(limits)
        self._requests = _Gate("requests", limits.requests_max)
        self._streams = _Gate("streams", limits.streams_max)

    def drain(self) -> None:
        """End the streams, which would not end by themselves; other requests are left to finish."""
        self._watching.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            raise ValueError(f"{scope['type']} is not served")

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        started = asyncio.get_running_loop().time()
        exchange = Exchange(scope, receive, send)
        exchange.answer_headers = self._cors.headers(exchange.headers)
        try:
            await self._answer(exchange, scope, receive, send)
        except HungUpError:
            exchange.status = exchange.status or CLIENT_CLOSED_REQUEST
        except RefusedError as error:
            await _fail(exchange, failures.of_refusal(error))
        except asyncio.CancelledError:  # by the server, for which this is the end; nobody else waits for it
            await _fail(exchange, failures.of_refusal(_OUT_OF_TIME))
        except Exception:  # noqa: BLE001 -- the last resort: whatever it is, the client gets an answer and no detail
            log.exception("request failed", request_id=exchange.request_id.decode(), path=exchange.pattern)
            await _fail(exchange, failures.unforeseen(exchange.request_id))
        duration_s = asyncio.get_running_loop().time() - started
        meter.count(exchange.method, exchange.pattern, exchange.status, duration_s)
        log.info(
            "request",
            method=exchange.method,
            path=exchange.pattern,
            status=exchange.status,
            duration_ms=round(duration_s * 1000, 1),
            request_id=exchange.request_id.decode(),
        )

    async def _answer(self, exchange: Exchange, scope: Message, receive: Receive, send: Send) -> None:
        heads.check(exchange, self.limits)
        address = "" if exchange.path in _NEVER_REFUSED else self._callers.admit_address(exchange)
        found = self._router.match(exchange.method, exchange.path)
        if found is None and exchange.method == "HEAD":
            found = self._router.match("GET", exchange.path)
        if found is None:
            await self._answer_page(exchange, scope, receive, send)
            return
        endpoint, values = found
        exchange.pattern = endpoint.pattern
        self._callers.admit(exchange, address, creates=not endpoint.is_repeatable)
        try:
            await self._call(exchange, endpoint, values)
        except grpc.aio.AioRpcError as error:
            await _fail(exchange, failures.of_call(error, endpoint.codec))

    async def _call(self, exchange: Exchange, endpoint: Endpoint, values: list[str]) -> None:
        method = endpoint.binding.method
        if method.client_streaming and method.server_streaming:
            raise RefusedError(501, "streams in both directions cannot be served over HTTP/1.1")
        if method.server_streaming:
            with self._streams, meter.STREAMS.track_inprogress():
                await self._watching.serve(exchange, endpoint, values)
        elif method.client_streaming:
            with self._streams, meter.STREAMS.track_inprogress():
                await uploads.serve(exchange, endpoint, values, self.limits)
        else:
            with self._requests:
                await calls.serve(exchange, endpoint, values, self.limits)

    async def _answer_page(self, exchange: Exchange, scope: Message, receive: Receive, send: Send) -> None:
        """Answer what no endpoint takes: a page, the methods of a known path, or that there is nothing."""
        page = self._pages.get(exchange.path)
        if page is not None and exchange.method in _PAGE_METHODS:
            exchange.pattern = exchange.path
            await page(scope, receive, exchange.noting(send))
            return
        methods = self._router.allowed(exchange.path) - {ANY_METHOD} | ({"GET"} if page else set())
        if not methods:
            raise RefusedError(404, "there is nothing at this path")
        allow = ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))).encode()
        if exchange.method != "OPTIONS":
            raise RefusedError(405, f"{exchange.method} is not served at this path", headers=((b"allow", allow),))
        await exchange.answer(204, [(b"allow", allow), *self._cors.preflight(exchange.headers, allow)])

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._upstreams.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


class _Gate:
    """Counts what is under way, and refuses what is too much."""

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._inside = 0

    def __enter__(self) -> None:
        if self._inside >= self._most:
            raise RefusedError(429, f"there are {self._most} {self._what} under way already")
        self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1


async def _fail(exchange: Exchange, failure: Failure) -> None:
    """Tell the client, unless it has been told something else already: then all that is left is to stop short."""
    if not exchange.has_begun:
        await exchange.answer(failure.status, failure.headers, failure.payload)
