"""Calls that take many messages: the body is passed on while it arrives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc.aio
from google.protobuf.message import Message

from gateway import metadata, streams, upstream
from gateway.app import calls
from gateway.app import endpoint as endpoints
from gateway.app.attendance import Attended
from gateway.app.endpoint import Endpoint
from gateway.app.exchange import CLOSE, Exchange
from gateway.app.limits import Limits
from gateway.errors import RefusedError
from gateway.upstream import Answer


async def serve(exchange: Exchange, endpoint: Endpoint, values: list[str], limits: Limits) -> None:
    """Serve a call that takes many messages and gives one: a line of JSON is a message, or some bytes are.

    Raises:
        RefusedError: A message is not one; those before it may have gone upstream, where the call is cancelled.
        grpc.aio.AioRpcError: The call failed.
        HungUpError: The client went away; so the call was cancelled.
    """
    deadline = calls.deadline_of(exchange, limits)
    sent = metadata.incoming(exchange.all_headers, exchange.request_id, limits.metadata_max_bytes)
    messages = (_of_bytes if endpoint.takes_bytes else _of_lines)(exchange, endpoint, values, limits)
    call = endpoint.upstream.client_stream(endpoint.call, sent, upstream.remaining_s(deadline))
    try:
        async with asyncio.timeout_at(deadline), aclosing(messages):
            async for message in messages:
                await call.write(endpoints.serialized(message))
            await call.done_writing()
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        pass  # the call has ended already; how, only the call itself knows
    except TimeoutError:
        call.cancel()
        raise RefusedError(504, "the deadline passed while the body arrived", headers=(CLOSE,)) from None
    except BaseException:
        call.cancel()
        raise
    with Attended(exchange):
        answer = Answer(await call, await call.initial_metadata(), await call.trailing_metadata())
    await calls.deliver(exchange, endpoint, answer)


async def _of_lines(
    exchange: Exchange, endpoint: Endpoint, values: list[str], limits: Limits
) -> AsyncGenerator[Message, None]:
    if not streams.is_lines(exchange.content_type):
        raise RefusedError(415, f"the content type must be {streams.NDJSON}")
    pending = b""
    async for chunk in exchange.chunks(limits.upload_max_bytes, limits.body_timeout_s):
        *lines, pending = (pending + chunk).split(b"\n")
        if len(pending) > limits.body_max_bytes:
            raise RefusedError(413, f"a line is longer than {limits.body_max_bytes} bytes")
        for line in lines:
            if line.strip():
                yield endpoint.request(values, exchange.query, line, "")
    if pending.strip():
        yield endpoint.request(values, exchange.query, pending, "")


async def _of_bytes(
    exchange: Exchange, endpoint: Endpoint, values: list[str], limits: Limits
) -> AsyncGenerator[Message, None]:
    """The first message says what the bytes are, and has what the path and the query say."""
    is_first = True
    async for chunk in exchange.chunks(limits.upload_max_bytes, limits.body_timeout_s):
        if is_first:
            yield endpoint.request(values, exchange.query, chunk, exchange.content_type)
        else:
            yield endpoint.raw_request(endpoint.binding.request(), "", chunk)
        is_first = False
    if is_first:
        yield endpoint.request(values, exchange.query, b"", exchange.content_type)
