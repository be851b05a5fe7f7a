"""A TCP proxy that makes the network as bad as asked, at run time, each direction for itself.

    latency, jitter   every piece arrives later, none overtakes another
    bytes_per_s       no faster than this
    slice_bytes       every piece arrives cut into pieces of this size
    is_silent         nothing arrives, nothing is lost: it goes on once this ends (a black hole)
    is_corrupt        every byte arrives as 0xFF; a damage that no protocol could notice is none that can be tested

and for a whole link: `reset` its connections, `refuse` new ones, `drop_replies`.

One thread with an event loop serves all links.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self, TypeVar

from deploy import ports

Result = TypeVar("Result")

CHUNK = 64 * 1024
QUEUED_MOST = 64  # pieces under way in one direction; more is held back
REPLY_LOST_S = 0.5  # how long after a request its reply is lost, before the connection is reset

Pieces = asyncio.Queue[tuple[float, bytes]]


class Direction(Enum):
    """Which way bytes go."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad one direction is; see the module. Times in seconds."""

    latency_s: float = 0
    jitter_s: float = 0
    bytes_per_s: float = float("inf")
    slice_bytes: int = CHUNK
    is_silent: bool = False
    is_corrupt: bool = False


FAIR = Weather()


class _Connection:
    """One client's connection and the one made for it to a target."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.target: asyncio.StreamWriter | None = None
        self.loses_next_reply = False
        self.is_losing = False

    def reset(self) -> None:
        """End both sides at once: what was sent and not read is lost."""
        for writer in (self.client, self.target):
            if writer is not None:
                raw: socket.socket | None = writer.get_extra_info("socket")
                if raw is not None and raw.fileno() >= 0:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()


class Link:
    """One edge of the system: a port, and the targets its connections are spread over.

    A connection goes to the next target that takes it, as with a load balancer.

    Attributes:
        name: What people call the edge.
        port: Where it listens.
    """

    def __init__(self, proxy: "Proxy", name: str, targets: list[int], chance: random.Random) -> None:
        self.name = name
        self.port = 0
        self._proxy = proxy
        self._targets = targets
        self._chance = chance
        self._weather = dict.fromkeys(Direction, FAIR)
        self._speaks = {direction: asyncio.Event() for direction in Direction}
        self._refuses = False
        self._connections: set[_Connection] = set()
        for speaks in self._speaks.values():
            speaks.set()

    def worsen(self, weather: Weather, *directions: Direction) -> None:
        """Make it this bad in some directions, in both if none is named; running connections feel it too."""

        async def worsen() -> None:
            for direction in directions or tuple(Direction):
                self._weather[direction] = weather
                (self._speaks[direction].clear if weather.is_silent else self._speaks[direction].set)()

        self._proxy.run(worsen)

    def refuse(self) -> None:
        """Reset every connection, and every new one, until the link is healed."""

        async def refuse() -> None:
            self.refuse_now()

        self._proxy.run(refuse)

    def reset(self) -> None:
        """Reset every connection; new ones are welcome."""

        async def reset() -> None:
            self._reset_all()

        self._proxy.run(reset)

    def drop_replies(self) -> None:
        """Let the next request of every connection pass, drop what is answered, and reset the connection."""

        async def arm() -> None:
            for connection in self._connections:
                connection.loses_next_reply = True

        self._proxy.run(arm)

    def heal(self) -> None:
        """Make it fair again; what was held back goes on."""

        async def heal() -> None:
            self._refuses = False
            for connection in self._connections:
                connection.loses_next_reply = False

        self._proxy.run(heal)
        self.worsen(FAIR)

    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    # -- on the loop

    def refuse_now(self) -> None:
        """Refuse, for those who are on the loop already."""
        self._refuses = True
        self._reset_all()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until both sides have ended, or one of them breaks."""
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            if self._refuses:
                return
            await self._speaks[Direction.REQUEST].wait()
            far_reader, connection.target = await self._connect()
            async with asyncio.TaskGroup() as group:
                self._carry(group, connection, reader, connection.target, Direction.REQUEST)
                self._carry(group, connection, far_reader, writer, Direction.ANSWER)
        except* OSError:
            pass  # a side is gone: the other one learns it below
        finally:
            connection.reset()
            self._connections.discard(connection)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the next target that takes it.

        Raises:
            OSError: None does.
        """
        self._targets.append(self._targets.pop(0))
        for port in self._targets[:-1]:
            try:
                return await asyncio.open_connection(ports.HOST, port, limit=CHUNK)
            except OSError:
                continue
        return await asyncio.open_connection(ports.HOST, self._targets[-1], limit=CHUNK)

    def _carry(
        self,
        group: asyncio.TaskGroup,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
    ) -> None:
        """Carry bytes in one direction: one task reads and says when each piece is due, another delivers."""
        queue: Pieces = asyncio.Queue(QUEUED_MOST)
        group.create_task(self._read(queue, reader, direction))
        group.create_task(self._deliver(connection, queue, writer, direction))

    async def _read(self, queue: Pieces, reader: asyncio.StreamReader, direction: Direction) -> None:
        """Read until the end, which is the empty piece."""
        loop = asyncio.get_running_loop()
        piece = b"?"
        while piece:
            piece = await reader.read(CHUNK)
            weather = self._weather[direction]
            late_s = weather.latency_s + self._chance.uniform(0, weather.jitter_s)
            await queue.put((loop.time() + late_s, piece))

    async def _deliver(
        self, connection: _Connection, queue: Pieces, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        """Write what is due, as the weather has it."""
        loop = asyncio.get_running_loop()
        while piece := await self._due(queue, loop):
            await self._speaks[direction].wait()
            if direction is Direction.REQUEST and connection.loses_next_reply:
                connection.loses_next_reply, connection.is_losing = False, True
                loop.call_later(REPLY_LOST_S, connection.reset)
            if direction is Direction.ANSWER and connection.is_losing:
                continue
            weather = self._weather[direction]
            sent = b"\xff" * len(piece) if weather.is_corrupt else piece
            for start in range(0, len(sent), weather.slice_bytes):
                part = sent[start : start + weather.slice_bytes]
                if weather != FAIR:
                    await asyncio.sleep(len(part) / weather.bytes_per_s)
                writer.write(part)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _due(self, queue: Pieces, loop: asyncio.AbstractEventLoop) -> bytes:
        """The next piece, when its time has come."""
        due, piece = await queue.get()
        if (wait_s := due - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        return piece

    def _reset_all(self) -> None:
        for connection in list(self._connections):
            connection.reset()


class Proxy:
    """All links, to be used in a `with`.

    Args:
        seed: Of the jitter.
    """

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311 -- guards nothing
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._servers: list[asyncio.Server] = []
        self.links: dict[str, Link] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            while any(link.connections() for link in self.links.values()):
                for link in self.links.values():
                    link.refuse_now()
                await asyncio.sleep(0.01)

        for link in self.links.values():
            link.heal()
        self.run(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, name: str, *targets: int) -> Link:
        """Add a link.

        Args:
            name: What people call the edge.
            targets: The ports of this machine that its connections are spread over.
        """

        async def listen() -> Link:
            link = Link(self, name, list(targets), self._chance)
            server = await asyncio.start_server(link.accept, ports.HOST, 0, limit=CHUNK)
            link.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
            self.links[name] = link
            return link

        return self.run(listen)

    def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do something on the loop, from another thread."""

        async def done() -> Result:
            return await work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)
