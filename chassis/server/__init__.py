"""The life of a process that serves gRPC: wait for what it needs, serve, tell its health, drain.

One asyncio server on uvloop: a plain `def` method runs on a thread, an `async def` one on the loop.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

import grpc.aio
import uvloop
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import config, crash, memory, rpc, tls
from chassis.access import tokens
from chassis.access.admission import Admission
from chassis.access.tokens import AuthSettings
from chassis.crash import CrashSettings
from chassis.errors import ServiceError
from chassis.logs import log
from chassis.server.gate import Threads
from chassis.server.guarded import Guarded
from chassis.server.symbols import Symbols

SERVING: int = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: int = health_pb2.HealthCheckResponse.NOT_SERVING

OPTIONS = (
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    *rpc.NOTICE_DEAD_PEERS,
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)

LOOK_EVERY_S = 1.0
"""How often it is asked whether everything is there."""

LOOK_MAX_S = 5.0
"""How long an answer to that may take: a database that is frozen gives none."""

EXIT_MARGIN_S = 2.0
"""How much longer a process lives that cannot end by itself, because a thread of it hangs."""


class Background(Protocol):
    """Work beside the serving, for example a processing pool."""

    def start(self) -> None:
        """Begin."""

    def drain(self) -> None:
        """Take on nothing new; returns at once."""

    def stop(self, grace_s: float) -> None:
        """End within so many seconds, losing nothing."""


def run(  # noqa: PLR0913 -- each is named by its caller, and none belongs to another
    *,
    listen: str,
    services: Sequence[str],
    register: Callable[[grpc.aio.Server], None],
    is_ready: Callable[[], None],
    background: Sequence[Background],
    threads: int,
    grace_s: float,
    shares_port: bool = False,
    tls_folder: Path | None = None,
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
        shares_port: Other processes listen on the same port, on purpose; see chassis.crew.
        tls_folder: Its certificates; without them nothing is encrypted.

    Raises:
        SystemExit: The address cannot be listened on, or a test setting is on outside of a test.
    """
    crash.arm(config.load(CrashSettings))
    memory.collect_seldom()
    verifier = tokens.verifier(config.load(AuthSettings))

    def is_all_there() -> None:
        is_ready()
        if verifier is not None:
            verifier.require_keys()

    process = _Process(
        listen=listen,
        services=services,
        is_ready=is_all_there,
        admission=None if verifier is None else Admission(verifier, tls.peer_of),
        background=background,
        grace_s=grace_s,
        tls_folder=tls_folder,
    )
    uvloop.run(process.run(register, threads, shares_port))


class _Process:
    """One process from start to exit."""

    def __init__(  # noqa: PLR0913 -- as those of `run`
        self,
        *,
        listen: str,
        services: Sequence[str],
        is_ready: Callable[[], None],
        admission: Admission | None,
        background: Sequence[Background],
        grace_s: float,
        tls_folder: Path | None,
    ) -> None:
        self._listen = listen
        self._services = services
        self._is_ready = is_ready
        self._admission = admission
        self._background = background
        self._grace_s = grace_s
        self._tls_folder = tls_folder
        self._health = grpc_health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs do not know it
        self._draining = asyncio.Event()

    async def run(self, register: Callable[[grpc.aio.Server], None], threads: int, shares_port: bool) -> None:
        """Start, serve, and drain when told to."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        executor = Threads(threads)
        options = [*OPTIONS, ("grpc.so_reuseport", int(shares_port))]  # by default two servers would silently share one
        server = Guarded(executor, options, self._admission)
        register(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [*self._services, "grpc.health.v1.Health", reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server, pool=cast("DescriptorPool", Symbols()))
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
            if self._tls_folder is None:
                port = server.add_insecure_port(self._listen)
            else:
                port = server.add_secure_port(self._listen, tls.server_credentials(self._tls_folder))
        except RuntimeError:
            log.error("cannot listen: is the port in use?", listen=self._listen)
            raise SystemExit(1) from None
        host = self._listen.rpartition(":")[0].strip("[]")
        log.info("listening", host=host, port=port, tls=self._tls_folder is not None)

    async def _serve(self) -> None:
        """Keep the health truthful until it is time to drain; start the background work at the first readiness."""
        started = False
        said: str | None = None
        told = asyncio.create_task(self._draining.wait())
        while not told.done():
            looking = asyncio.create_task(self._look())
            await asyncio.wait({looking, told}, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                looking.cancel()
                return
            missing = looking.result()
            if not missing and not started:
                started = True
                for work in self._background:
                    work.start()
            if missing != said:
                said = missing
                await self._set_health(NOT_SERVING if missing else SERVING)
                log.info("serving") if not missing else log.warning("not serving", waiting_for=missing)
            await asyncio.wait({told}, timeout=LOOK_EVERY_S)

    async def _look(self) -> str:
        """What this process needs and does not have; empty if everything is there."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.run_in_executor(None, self._is_ready), LOOK_MAX_S)
        except ServiceError as error:
            return error.message
        except TimeoutError:
            return f"an answer, for {LOOK_MAX_S:g} s"
        except Exception as error:  # noqa: BLE001 -- not being able to tell is not being ready
            log.error("looking whether everything is there failed", exc_info=error)
            return type(error).__name__
        return ""

    async def _drain(self, server: grpc.aio.Server) -> None:
        """Refuse new work, let running work end, give the rest back."""
        log.info("draining")
        _exit_after(self._grace_s + 2 * EXIT_MARGIN_S, code=1)
        await self._health.enter_graceful_shutdown()
        for work in self._background:
            work.drain()
        loop = asyncio.get_running_loop()
        stops = [loop.run_in_executor(None, work.stop, self._grace_s) for work in self._background]
        for end in await asyncio.gather(server.stop(self._grace_s), *stops, return_exceptions=True):
            if isinstance(end, BaseException):
                log.error("ending failed", exc_info=end)
        log.info("stopped")
        _exit_after(EXIT_MARGIN_S, code=0)

    async def _set_health(self, status: int) -> None:
        for name in ("", *self._services):
            await self._health.set(name, status)

    def _on_signal(self) -> None:
        """Drain at the first signal, exit at the second: nothing is lost, leases end by themselves."""
        if self._draining.is_set():
            os._exit(1)
        self._draining.set()


def _exit_after(delay_s: float, code: int) -> None:
    """End this process, whatever hangs in it: what it did is committed, and the leases of the rest end by themselves.

    Python itself would wait for every thread that a call or a look still hangs on.
    """
    timer = threading.Timer(delay_s, os._exit, (code,))
    timer.daemon = True
    timer.start()
