"""Calls with many answers: each is relayed as soon as it comes."""

import asyncio
from contextlib import aclosing
from typing import TypeAlias

import grpc.aio
from google.protobuf.message import Message

from gateway import metadata, streams
from gateway.app import endpoint as endpoints
from gateway.app import failures
from gateway.app.attendance import Attended
from gateway.app.endpoint import Endpoint
from gateway.app.exchange import Exchange
from gateway.app.feed import Feed, Source
from gateway.app.limits import Limits
from gateway.errors import Header, RefusedError, Violation, invalid
from gateway.metadata import Metadata
from gateway.streams import Form

Call: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"

# Sent upstream, but telling nothing of the caller that an answer could depend on.
_IMPERSONAL = frozenset({"x-request-id", "traceparent", "tracestate", "accept-language"})


class Watching:
    """Serves streams: each by a call of its own, or watchers of the same events by one call for all.

    Args:
        limits: How long a stream and its silences may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._feeds: dict[Endpoint, Feed] = {}
        self._calls: set[Call] = set()
        self._closed: RefusedError | None = None

    def close(self) -> None:
        """End all streams, and say why; from now on there are no others."""
        self._closed = RefusedError(503, "the gateway is shutting down")
        for feed in self._feeds.values():
            feed.close(self._closed)
        for call in self._calls:
            call.cancel()

    async def serve(self, exchange: Exchange, endpoint: Endpoint, values: list[str]) -> None:
        """Serve a call that takes one message and gives many.

        Raises:
            RefusedError: The request is not one.
            grpc.aio.AioRpcError: The call failed before its first answer.
            HungUpError: The client went away; so its call was cancelled.
        """
        limits = self._limits
        if self._closed:
            raise self._closed
        sent = metadata.incoming(exchange.all_headers, exchange.request_id, limits.metadata_max_bytes)
        asked = exchange.headers.get(b"grpc-timeout")
        timeout_s = metadata.timeout_s(asked, limits.stream_max_s, limits.stream_max_s)
        deadline = asyncio.get_running_loop().time() + timeout_s
        body = await exchange.body(limits.body_max_bytes, limits.body_timeout_s, deadline) if endpoint.has_body else b""
        request = endpoint.request(values, exchange.query, body, exchange.content_type)
        last_id = _last_event_id(exchange)
        if last_id and endpoint.is_resumable:
            endpoint.resumed(request, last_id)
        form = streams.chosen(exchange.headers.get(b"accept", b"").decode("latin-1"))
        if exchange.method == "HEAD":
            await exchange.answer(endpoint.binding.status, _headers(form))
        elif asked is None and _is_shareable(endpoint, request, sent):
            with Attended(exchange):
                source = self._feed(endpoint, request).watch(endpoint.resumed_from(request), deadline)
                await self._relay(exchange, endpoint, form, source)
        else:
            call = endpoint.upstream.server_stream(endpoint.call, endpoints.serialized(request), sent, timeout_s)
            await self._serve_alone(exchange, endpoint, form, call)

    async def _serve_alone(self, exchange: Exchange, endpoint: Endpoint, form: Form, call: Call) -> None:
        self._calls.add(call)
        try:
            with Attended(exchange):
                if endpoint.gives_bytes:
                    await self._relay_bytes(exchange, endpoint, call)
                else:
                    beat_s = self._limits.keep_alive_s if form.pause else None
                    await self._relay(exchange, endpoint, form, self._answers(endpoint, call, beat_s))
        finally:
            self._calls.discard(call)
            call.cancel()

    def _feed(self, endpoint: Endpoint, request: Message) -> Feed:
        feed = self._feeds.get(endpoint)
        if feed is None or feed.is_over:
            feed = self._feeds[endpoint] = Feed(endpoint, self._limits, endpoint.resumed_from(request))
        return feed

    async def _answers(self, endpoint: Endpoint, call: Call, beat_s: float | None) -> Source:
        """The answers of a call; with a beat, also the silences between them."""
        wait_s = self._limits.settle_s if beat_s else None
        while True:
            reading = asyncio.ensure_future(call.read())
            while not (await asyncio.wait({reading}, timeout=wait_s))[0]:
                yield None
                wait_s = beat_s
            if self._closed and reading.cancelled():
                raise self._closed
            answer = reading.result()
            if not isinstance(answer, bytes):  # the mark of the end
                return
            yield endpoint.event(answer)
            wait_s = beat_s

    async def _relay(self, exchange: Exchange, endpoint: Endpoint, form: Form, source: Source) -> None:
        """Write what a source gives as it comes, and how it ended."""
        send_timeout_s = self._limits.send_timeout_s
        is_first = True
        try:
            async with aclosing(source):
                async for event in source:
                    if not exchange.has_begun:
                        await _begin(exchange, endpoint, form)
                    if event is None:
                        await exchange.send_within(form.pause, send_timeout_s)
                    else:
                        element = form.element(event.payload, event.id, is_first=is_first)
                        await exchange.send_within(element, send_timeout_s)
                        is_first = False
        except (RefusedError, grpc.aio.AioRpcError) as error:
            if not exchange.has_begun:
                raise
            failure = failures.of(error, endpoint.codec)
            await exchange.send_within(form.failure(failure.payload, is_first=is_first), send_timeout_s)
        if not exchange.has_begun:
            await _begin(exchange, endpoint, form)
        await exchange.send(form.tail, is_last=True)

    async def _relay_bytes(self, exchange: Exchange, endpoint: Endpoint, call: Call) -> None:
        """Write the bytes of google.api.HttpBody answers; the first one says what they are."""
        async for answer in call:
            content_type, chunk = endpoint.raw(endpoint.answer(answer))
            if not exchange.has_begun:
                headers = [(b"content-type", content_type), *exchange.answer_headers]
                await exchange.begin(endpoint.binding.status, headers)
            await exchange.send_within(chunk, self._limits.send_timeout_s)
        if not exchange.has_begun:
            await exchange.begin(endpoint.binding.status, [*exchange.answer_headers])
        await exchange.send(b"", is_last=True)


async def _begin(exchange: Exchange, endpoint: Endpoint, form: Form) -> None:
    await exchange.begin(endpoint.binding.status, [*_headers(form), *exchange.answer_headers])
    await exchange.send(form.head)


def _last_event_id(exchange: Exchange) -> str:
    try:
        return exchange.headers.get(b"last-event-id", b"").decode()
    except UnicodeDecodeError:
        raise invalid([Violation("Last-Event-ID", "must be UTF-8")]) from None


def _is_shareable(endpoint: Endpoint, request: Message, sent: Metadata) -> bool:
    """Tell whether everybody who asks like this gets the same events."""
    if not endpoint.is_resumable or any(name not in _IMPERSONAL for name, _ in sent):
        return False
    plain = endpoint.resumed(endpoint.binding.request(), endpoint.resumed_from(request))
    return request == plain


def _headers(form: Form) -> list[Header]:
    """Streams are never stored, nor held back by what stands between."""
    return [
        (b"content-type", form.content_type.encode()),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
    ]
