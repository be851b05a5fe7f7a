"""The life of a process that serves gRPC: wait for what it needs, serve, tell its health, drain.

One asyncio server on uvloop: a plain `def` method runs on a thread, an `async def` one on the loop.
"""

import asyncio
import inspect
import ipaddress
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import grpc
import grpc.aio
import uvloop
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import rpc
from chassis.errors import InvalidArgument, ServiceError, Violation
from chassis.logs import log

SERVING: int = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: int = health_pb2.HealthCheckResponse.NOT_SERVING

OPTIONS = (
    ("grpc.so_reuseport", 0),  # two servers would silently share a port
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    *rpc.NOTICE_DEAD_PEERS,
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


class Background(Protocol):
    """Work beside the serving, for example a processing pool."""

    def start(self) -> None:
        """Begin."""

    def drain(self) -> None:
        """Take on nothing new; returns at once."""

    def stop(self, grace_s: float) -> None:
        """End within so many seconds, losing nothing."""


class _Malformed:
    """Stands for a request whose bytes are not a message."""


class TolerantDeserializer(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic when it runs
    """Answers bytes that are no message with INVALID_ARGUMENT; grpc itself answers INTERNAL."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 -- grpc's handler type
        """Wrap the deserializer of a unary request."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        package = handler_call_details.method.strip("/").rpartition(".")[0]
        if handler.response_streaming:
            behaviour, wrapped = handler.unary_stream, grpc.unary_stream_rpc_method_handler
            if not inspect.iscoroutinefunction(behaviour):
                return handler  # a generator, which none of ours is once `@rpc` is around it
        else:
            behaviour, wrapped = handler.unary_unary, grpc.unary_unary_rpc_method_handler
        return wrapped(
            _refusing_malformed(behaviour, package),
            _tolerant(handler.request_deserializer),
            handler.response_serializer,
        )


def _tolerant(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def tolerant(received: bytes) -> Any:  # noqa: ANN401 -- any message
        try:
            return deserialize(received)
        except Exception:  # noqa: BLE001 -- whatever the parser raises, the bytes are not a message
            return _Malformed()

    return tolerant


def _refusing_malformed(behaviour: Callable[..., Any], package: str) -> Callable[..., Any]:
    error = InvalidArgument([Violation("", "the request is not a valid protobuf message")])
    status = rpc.status_of(error, domain=package)

    if inspect.iscoroutinefunction(behaviour):

        async def waiting(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
            if isinstance(request, _Malformed):
                context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, status.message)
            return await behaviour(request, context)

        return waiting

    def blocking(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
        if isinstance(request, _Malformed):
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, status.message)
        return behaviour(request, context)

    return blocking


def run(  # noqa: PLR0913 -- each is named by its caller, and none belongs to another
    *,
    listen: str,
    services: Sequence[str],
    register: Callable[[grpc.aio.Server], None],
    is_ready: Callable[[], None],
    background: Sequence[Background],
    threads: int,
    grace_s: float,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal exits at once.

    Args:
        listen: `host:port`; port 0 takes any free one.
        services: The full names of the services, for health and reflection.
        register: Adds the servicers; called on the event loop.
        is_ready: Raises ServiceError while something this process needs is away; asked every second.
        background: What works beside the serving; started once the process is ready.
        threads: How many blocking calls run at the same time.
        grace_s: How long running calls and work may take to end.

    Raises:
        SystemExit: The address cannot be listened on.
    """
    uvloop.run(_Process(listen, services, is_ready, background, grace_s).run(register, threads))


class _Process:
    """One process from start to exit."""

    def __init__(
        self,
        listen: str,
        services: Sequence[str],
        is_ready: Callable[[], None],
        background: Sequence[Background],
        grace_s: float,
    ) -> None:
        self._listen = listen
        self._services = services
        self._is_ready = is_ready
        self._background = background
        self._grace_s = grace_s
        self._health = grpc_health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs do not know it
        self._draining = asyncio.Event()

    async def run(self, register: Callable[[grpc.aio.Server], None], threads: int) -> None:
        """Start, serve, and drain when told to."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        executor = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        server = grpc.aio.server(
            migration_thread_pool=executor, interceptors=[TolerantDeserializer()], options=list(OPTIONS)
        )
        register(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [*self._services, "grpc.health.v1.Health", reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
        await self._set_health(NOT_SERVING)
        self._bind(server)
        await server.start()
        try:
            await self._serve()
        finally:
            await self._drain(server)
            executor.shutdown(wait=False, cancel_futures=True)

    def _bind(self, server: grpc.aio.Server) -> None:
        """Take the address, or say why not and exit."""
        try:
            port = server.add_insecure_port(self._listen)
        except RuntimeError:
            log.error("cannot listen: is the port in use?", listen=self._listen)
            raise SystemExit(1) from None
        host = self._listen.rpartition(":")[0].strip("[]")
        if is_loopback(host):
            log.info("listening", host=host, port=port)
        else:
            log.warning("LISTENING BEYOND THIS MACHINE WITHOUT AUTHENTICATION", host=host, port=port)

    async def _serve(self) -> None:
        """Keep the health truthful until it is time to drain; start the background work at the first readiness."""
        started = False
        status = NOT_SERVING
        while not self._draining.is_set():
            now = await self._look()
            if now == SERVING and not started:
                started = True
                for work in self._background:
                    work.start()
            if now != status:
                status = now
                await self._set_health(status)
                log.info("serving" if status == SERVING else "not serving")
            try:
                await asyncio.wait_for(self._draining.wait(), timeout=1.0)
            except TimeoutError:
                continue

    async def _look(self) -> int:
        """Whether everything this process needs is there."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._is_ready)
        except ServiceError as error:
            log.warning("waiting", reason=error.reason, error=error.message)
            return NOT_SERVING
        return SERVING

    async def _drain(self, server: grpc.aio.Server) -> None:
        """Refuse new work, let running work end, give the rest back."""
        log.info("draining")
        await self._health.enter_graceful_shutdown()
        for work in self._background:
            work.drain()
        stopping = asyncio.create_task(server.stop(self._grace_s))
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, work.stop, self._grace_s) for work in self._background))
        await stopping
        log.info("stopped")

    async def _set_health(self, status: int) -> None:
        for name in ("", *self._services):
            await self._health.set(name, status)

    def _on_signal(self) -> None:
        """Drain at the first signal, exit at the second: nothing is lost, leases end by themselves."""
        if self._draining.is_set():
            os._exit(1)
        self._draining.set()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
