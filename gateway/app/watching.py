"""Calls with many answers: each is relayed as soon as it comes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TypeAlias

import grpc.aio

from gateway import metadata, streams
from gateway.app import endpoint as endpoints
from gateway.app import failures
from gateway.app.attendance import Attended
from gateway.app.endpoint import Endpoint, Event
from gateway.app.exchange import Exchange
from gateway.app.limits import Limits
from gateway.errors import Header, RefusedError
from gateway.streams import Form

# A stream that has not failed for so long is taken to be open, though nothing has come yet.
SETTLED_S = 1.0

LAST_EVENT_ID = b"last-event-id"


# None is a pause in which nothing came.
Source = AsyncGenerator[Event | None, None]
Call: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"


async def serve(exchange: Exchange, endpoint: Endpoint, values: list[str], limits: Limits) -> None:
    """Serve a call that takes one message and gives many.

    Raises:
        RefusedError: The request is not one.
        grpc.aio.AioRpcError: The call failed before its first answer.
        HungUpError: The client went away; so the call was cancelled.
    """
    sent = metadata.incoming(exchange.all_headers, exchange.request_id, limits.metadata_max_bytes)
    timeout_s = metadata.timeout_s(exchange.headers.get(b"grpc-timeout"), limits.stream_max_s, limits.stream_max_s)
    deadline = asyncio.get_running_loop().time() + timeout_s
    body = await exchange.body(limits.body_max_bytes, limits.body_timeout_s, deadline) if endpoint.has_body else b""
    request = endpoint.request(values, exchange.query, body, exchange.content_type)
    form = streams.chosen(exchange.headers.get(b"accept", b"").decode("latin-1"))
    if exchange.method == "HEAD":
        await exchange.answer(endpoint.binding.status, _headers(form))
        return
    with Attended(exchange):
        call = endpoint.upstream.server_stream(endpoint.call, endpoints.serialized(request), sent, timeout_s)
        try:
            if endpoint.gives_bytes:
                await _relay_bytes(exchange, endpoint, call, limits.send_timeout_s)
            else:
                beat_s = limits.keep_alive_s if form.content_type == streams.EVENT_STREAM else None
                await relay(exchange, endpoint, form, _answers(endpoint, call, beat_s), limits.send_timeout_s)
        finally:
            call.cancel()


async def relay(exchange: Exchange, endpoint: Endpoint, form: Form, source: Source, send_timeout_s: float) -> None:
    """Write what a source gives as it comes, and how it ended.

    Raises:
        RefusedError: Likewise.
        grpc.aio.AioRpcError: The source failed before it gave anything, so that a status can still tell.
        HungUpError: The client takes nothing any more.
    """
    is_first = True
    try:
        async with contextlib.aclosing(source):
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


async def _begin(exchange: Exchange, endpoint: Endpoint, form: Form) -> None:
    await exchange.begin(endpoint.binding.status, [*_headers(form), *exchange.answer_headers])
    await exchange.send(form.head)


async def _relay_bytes(exchange: Exchange, endpoint: Endpoint, call: Call, send_timeout_s: float) -> None:
    """Write the bytes of google.api.HttpBody answers; the first one says what they are."""
    async for answer in call:
        content_type, data = endpoint.raw(endpoint.answer(answer))
        if not exchange.has_begun:
            await exchange.begin(endpoint.binding.status, [(b"content-type", content_type), *exchange.answer_headers])
        await exchange.send_within(data, send_timeout_s)
    if not exchange.has_begun:
        await exchange.begin(endpoint.binding.status, [*exchange.answer_headers])
    await exchange.send(b"", is_last=True)


async def _answers(endpoint: Endpoint, call: Call, beat_s: float | None) -> Source:
    """The answers of a call; with a beat, also the pauses between them."""
    wait_s = SETTLED_S if beat_s else None
    while True:
        reading = asyncio.ensure_future(call.read())
        while not (await asyncio.wait({reading}, timeout=wait_s))[0]:
            yield None
            wait_s = beat_s
        answer = reading.result()
        if not isinstance(answer, bytes):  # the mark of the end
            return
        yield endpoint.event(answer)
        wait_s = beat_s


def _headers(form: Form) -> list[Header]:
    """Streams are never stored, nor held back by what stands between."""
    return [
        (b"content-type", form.content_type.encode()),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
    ]
