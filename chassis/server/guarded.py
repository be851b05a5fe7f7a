"""The gRPC server of a process: grpcio's, with the gate in front of all methods."""

from collections.abc import Iterable, Sequence
from typing import Any

import grpc.aio

from chassis.access.admission import Admission
from chassis.access.rules import FOR_EVERYBODY, require_rules
from chassis.server.gate import Gate, GenericRpcHandler, Threads


class Guarded(grpc.aio.Server):
    """A gRPC server whose methods stand behind the gate.

    To grpcio it has one generic handler, the gate. Of methods that are registered one by one grpcio's asyncio server
    keeps a task each, and looks at all of them for every call; an interceptor costs every call a chain of coroutines.

    Args:
        threads: Where blocking methods run.
        options: Of the server, as gRPC has them.
        admission: Who may call what; None if anybody may call everything.
    """

    def __init__(
        self, threads: Threads, options: Sequence[tuple[str, Any]] = (), admission: Admission | None = None
    ) -> None:
        self._gate = Gate(threads, admission)
        self._server = grpc.aio.server(migration_thread_pool=threads, handlers=[self._gate], options=list(options))

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[GenericRpcHandler]) -> None:
        """Take the methods of a service in."""
        self._gate.behind.extend(generic_rpc_handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: object) -> None:  # noqa: ARG002 -- grpcio's
        """Look whether the methods of a service say who may call them; `add_generic_rpc_handlers` takes them in.

        An open system makes sure of it as well: it would be a closed one some day.

        Raises:
            NoRule: Some do not.
        """
        if service_name not in FOR_EVERYBODY:
            require_rules([service_name])

    def add_insecure_port(self, address: str) -> int:
        """Listen, and answer the port."""
        return self._server.add_insecure_port(address)

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Listen with encryption, and answer the port."""
        return self._server.add_secure_port(address, server_credentials)

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, and end those that are under way after so many seconds."""
        await self._server.stop(grace)

    async def wait_for_termination(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- grpc's signature
        """Wait for the end, or so many seconds; tell whether it is still serving."""
        return await self._server.wait_for_termination(timeout)
