"""A real gRPC server in this process, for what only a real one shows: details, metadata, streams, malformed bytes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import grpc.aio

from chassis import tls
from chassis.access.admission import Admission
from chassis.server.gate import Threads
from chassis.server.guarded import Guarded


@contextmanager
def serving(register: Callable[[grpc.aio.Server], None], admission: Admission | None = None) -> Iterator[grpc.Channel]:
    """Serve on a free port, as the processes do, while the block lasts; gives a channel to it.

    Args:
        register: Adds the servicers.
        admission: Who may call what; None if anybody may call everything.
    """
    with listening(register, admission=admission) as target, grpc.insecure_channel(target) as channel:
        yield channel


@contextmanager
def listening(
    register: Callable[[grpc.aio.Server], None], tls_folder: Path | None = None, admission: Admission | None = None
) -> Iterator[str]:
    """Serve on a free port, as the processes do, while the block lasts; gives the address.

    Args:
        register: Adds the servicers.
        tls_folder: The server's certificates; without them nothing is encrypted.
        admission: Who may call what; None if anybody may call everything.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    threads = Threads(8)

    async def start() -> tuple[grpc.aio.Server, int]:
        server = Guarded(threads, admission=admission)
        register(server)
        if tls_folder is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", tls.server_credentials(tls_folder))
        await server.start()
        return server, port

    async def stop() -> None:
        await server.stop(None)
        if ending := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(ending, timeout=10)

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        threads.shutdown()  # a call whose caller has left may still be on one, and ends on the loop
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
