"""A real gRPC server in this process, for what only a real one shows: details, metadata, streams, malformed bytes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import grpc.aio

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
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    threads = Threads(8)

    async def start() -> tuple[grpc.aio.Server, int]:
        server = Guarded(threads, admission=admission)
        register(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    async def stop() -> None:
        await server.stop(None)
        if ending := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(ending, timeout=10)

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        threads.shutdown()  # a call whose caller has left may still be on one, and ends on the loop
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
