"""Calls with one answer."""

import asyncio

from gateway import metadata
from gateway.app import endpoint as endpoints
from gateway.app.attendance import Attended
from gateway.app.endpoint import Endpoint
from gateway.app.exchange import Exchange
from gateway.app.limits import Limits
from gateway.upstream import Answer

# Most calls end before anyone could have hung up: only for the others does somebody listen.
_PATIENCE_S = 0.25


async def serve(exchange: Exchange, endpoint: Endpoint, values: list[str], limits: Limits) -> None:
    """Serve a call that takes one message and gives one.

    Raises:
        RefusedError: The request is not one.
        grpc.aio.AioRpcError: The call failed.
        HungUpError: The client went away; so the call was cancelled.
    """
    deadline = deadline_of(exchange, limits)
    sent = metadata.incoming(exchange.all_headers, exchange.request_id, limits.metadata_max_bytes)
    body = await exchange.body(limits.body_max_bytes, limits.body_timeout_s, deadline) if endpoint.has_body else b""
    request = endpoint.request(values, exchange.query, body, exchange.content_type)
    with Attended(exchange, _PATIENCE_S):
        answer = await endpoint.upstream.unary(
            endpoint.call, endpoints.serialized(request), sent, deadline, is_repeatable=endpoint.is_repeatable
        )
    await deliver(exchange, endpoint, answer)


def deadline_of(exchange: Exchange, limits: Limits) -> float:
    """Answer when the request must be done, on the clock of the running loop."""
    timeout_s = metadata.timeout_s(exchange.headers.get(b"grpc-timeout"), limits.deadline_s, limits.deadline_max_s)
    return asyncio.get_running_loop().time() + timeout_s


async def deliver(exchange: Exchange, endpoint: Endpoint, answer: Answer) -> None:
    """Give the client what a call with one answer came back with."""
    reply = endpoint.reply(answer.message)
    headers = [*reply.headers, *metadata.outgoing(answer.initial, answer.trailing)]
    await exchange.answer(reply.status, headers, reply.payload)
