"""A real gRPC server in this process, for what only a real one shows: details, metadata, streams, malformed bytes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import grpc.aio

from chassis.server import TolerantDeserializer


@contextmanager
def serving(register: Callable[[grpc.aio.Server], None]) -> Iterator[grpc.Channel]:
    """Serve on a free port, as the processes do, while the block lasts; gives a channel to it.

    Args:
        register: Adds the servicers.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="grpc", daemon=True)
    thread.start()
    threads = ThreadPoolExecutor(8)

    async def start() -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(migration_thread_pool=threads, interceptors=[TolerantDeserializer()])
        register(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        threads.shutdown()
