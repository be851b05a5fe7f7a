"""The services behind the gateway: one channel for each address, shared by all calls."""

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2

from chassis import tls
from gateway.metadata import Metadata

_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_HEALTH_TIMEOUT_S = 1.0

_ATTEMPTS_MAX = 3
_BACKOFF_FIRST_S = 0.05

_CALL_MAX_S = 24 * 3600.0
"""How long a channel whose certificates are old waits for its calls; no stream of ours lasts as long."""

# How an unreachable peer is noticed, and found again, within seconds: with gRPC's own figures a restart goes unnoticed
# for half a minute, and as long again if the peer returns at another address, as containers do. Retrying is done here
# and nowhere else, so gRPC's is off.
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.http2.ping_timeout_ms", 4_000),
    ("grpc.enable_retries", 0),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a unary call."""

    message: bytes
    initial: Iterable[tuple[str, str | bytes]]
    trailing: Iterable[tuple[str, str | bytes]]


class RetryBudget:
    """Lets calls be repeated only while most calls succeed, so that repeating never adds to an overload.

    Every UNAVAILABLE takes a token and every success gives a tenth back; below half of them nothing is repeated.
    """

    def __init__(self, tokens: float = 10.0) -> None:
        self._most = tokens
        self._tokens = tokens

    def spend(self) -> bool:
        """Note an UNAVAILABLE; tell whether the call may be repeated."""
        self._tokens = max(0.0, self._tokens - 1.0)
        return self._tokens > self._most / 2

    def refill(self) -> None:
        """Note a success."""
        self._tokens = min(self._most, self._tokens + 0.1)


class Upstream:
    """One address and the channel to it, which is opened by the first call.

    Args:
        name: The package or service it was configured for.
        address: `host:port`, or any target that gRPC resolves. With `owner@` in front, its certificate must be that
            of the owner; otherwise, that of the host.
        answer_max_bytes: The largest message taken from it.
        tls_folder: Our certificates; without them nothing is encrypted.

    Raises:
        ValueError: The certificates cannot be used.
    """

    def __init__(self, name: str, address: str, answer_max_bytes: int, tls_folder: Path | None = None) -> None:
        self.name = name
        owner, _, address = address.rpartition("@")
        self._target = address if "://" in address or address.startswith("unix:") else f"dns:///{address}"
        self._options = [*_OPTIONS, ("grpc.max_receive_message_length", answer_max_bytes)]
        self._watched = None if tls_folder is None else tls.Watched(tls_folder)
        if self._watched is not None and owner:
            self._options.append((tls.SERVER_NAME, owner))
        self._identity: tls.Identity | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._budget = RetryBudget()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channel: grpc.aio.Channel | None = None
        self._unary: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def unary(
        self, method: str, request: bytes, metadata: Metadata, deadline: float, *, is_repeatable: bool
    ) -> Answer:
        """Call a method that takes and gives one message.

        Args:
            method: As in `/package.Service/Method`.
            request: The serialized request.
            metadata: Sent along.
            deadline: When the answer must be here, on the clock of the running loop.
            is_repeatable: After UNAVAILABLE the call may be made again.

        Raises:
            grpc.aio.AioRpcError: The call failed.
        """
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            try:
                call = self._unary_callable(method)(request, timeout=remaining_s(deadline), metadata=metadata)
                answer = Answer(await call, await call.initial_metadata(), await call.trailing_metadata())
            except grpc.aio.AioRpcError as raised:
                error = _as_outage(raised)
                is_passing = error.code() is grpc.StatusCode.UNAVAILABLE
                pause_s = _BACKOFF_FIRST_S * 2**attempt * random.random()  # noqa: S311 -- spreads load, guards nothing
                may_repeat = is_passing and self._budget.spend() and is_repeatable and attempt < _ATTEMPTS_MAX
                if not may_repeat or pause_s >= remaining_s(deadline):
                    raise error from None
                await asyncio.sleep(pause_s)
            else:
                self._budget.refill()
                return answer
        raise AssertionError("the last attempt answers or raises")

    def server_stream(
        self, method: str, request: bytes, metadata: Metadata, timeout_s: float | None
    ) -> "grpc.aio.UnaryStreamCall[bytes, bytes]":
        """Call a method that gives many messages; iterate over the call, and cancel it when done early."""
        call: grpc.aio.UnaryStreamCall[bytes, bytes] = self._open().unary_stream(method, None, None)(
            request, timeout=timeout_s, metadata=metadata
        )
        return call

    def client_stream(
        self, method: str, metadata: Metadata, timeout_s: float
    ) -> "grpc.aio.StreamUnaryCall[bytes, bytes]":
        """Call a method that takes many messages; write to the call, say that you are done, and await it."""
        call: grpc.aio.StreamUnaryCall[bytes, bytes] = self._open().stream_unary(method, None, None)(
            None, timeout=timeout_s, metadata=metadata
        )
        return call

    async def health(self) -> str:
        """Ask how it is: the name of its serving status, or of the code with which asking failed."""
        try:
            check = self._open().unary_unary(_HEALTH_CHECK, None, None)
            answer = await check(health_pb2.HealthCheckRequest().SerializeToString(), timeout=_HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        state = health_pb2.HealthCheckResponse.FromString(answer).status
        name: str = health_pb2.HealthCheckResponse.ServingStatus.Name(state)
        return name

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        for closing in self._closing:
            closing.cancel()
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None

    def _unary_callable(self, method: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
        channel = self._open()
        found = self._unary.get(method)
        if found is None:
            found = self._unary[method] = channel.unary_unary(method, None, None)
        return found

    def _open(self) -> grpc.aio.Channel:
        """The channel of the running loop, one made on another never answers, and of the present certificates."""
        loop = asyncio.get_running_loop()
        identity = self._watched.latest() if self._watched is not None else None
        if self._channel is None or self._loop is not loop or self._identity is not identity:
            if self._channel is not None and self._loop is loop:
                self._retire(self._channel)
            self._loop, self._identity = loop, identity
            self._channel = self._connect(identity)
            self._unary.clear()
        return self._channel

    def _connect(self, identity: tls.Identity | None) -> grpc.aio.Channel:
        if identity is None:
            return grpc.aio.insecure_channel(self._target, options=self._options)
        return grpc.aio.secure_channel(self._target, tls.channel_credentials(identity), options=self._options)

    def _retire(self, channel: grpc.aio.Channel) -> None:
        """Close a channel once the calls on it have ended."""
        closing = asyncio.create_task(channel.close(_CALL_MAX_S))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class Upstreams:
    """All upstreams by the package or full service name they were configured for."""

    def __init__(self, addresses: Mapping[str, str], answer_max_bytes: int, tls_folder: Path | None = None) -> None:
        self.all = tuple(Upstream(name, address, answer_max_bytes, tls_folder) for name, address in addresses.items())
        self._by_name = {upstream.name: upstream for upstream in self.all}

    def find(self, service: str) -> Upstream | None:
        """Answer the upstream of a service by its full name; the longest configured name wins."""
        name = service
        while name and name not in self._by_name:
            name = name.rpartition(".")[0]
        return self._by_name.get(name)

    async def health(self) -> dict[str, str]:
        """Ask all upstreams how they are."""
        states = await asyncio.gather(*(upstream.health() for upstream in self.all))
        return {upstream.name: state for upstream, state in zip(self.all, states, strict=True)}

    async def close(self) -> None:
        """Close all channels."""
        for upstream in self.all:
            await upstream.close()


def _as_outage(error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
    """Take a call that its server cancelled for what it is: the server ended, and whether it happened is unknown.

    Nobody here cancelled it, or this would be no AioRpcError; and a service that cancels on purpose gives details.
    """
    trailing = cast("grpc.aio.Metadata", error.trailing_metadata())
    has_details = any(name == "grpc-status-details-bin" for name, _ in trailing)
    if error.code() is not grpc.StatusCode.CANCELLED or has_details:
        return error
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        error.initial_metadata(),
        trailing,
        "the service ended in the middle of the call",
        error.debug_error_string(),
    )


def remaining_s(deadline: float) -> float:
    """Answer how much time is left, on the clock of the running loop; never less than nothing."""
    return max(0.0, deadline - asyncio.get_running_loop().time())
