"""Every event as it happens, read once for all who watch."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from uuid import UUID

from chassis.errors import ResourceExhausted, Unavailable, is_passing
from chassis.logs import log
from loan_service.domain import Position, StoredEvent

PAGE = 1000
BUSY_S = 0.02
IDLE_S = 0.25
"""The least and the longest time between two looks for new events."""

Place = tuple[int, UUID, int]


class TooManyWatchers(ResourceExhausted):
    """No more streams are served by this process."""


class FeedClosed(Unavailable):
    """The process ends; whoever watches goes on elsewhere, after the last event seen."""


class Feed:
    """Follows the events of all loans while somebody watches, and keeps the latest ones.

    A watcher has no queue: it is a place in what is kept. One that falls behind reads from the database, at its own
    pace, until it has caught up. So a slow reader costs nothing and delays nobody.

    Args:
        read: Reads so many events after a position, blocking.
        horizon: Reads the position after all present events, blocking.
        executor: Where these two run.
        kept: How many of the latest events are kept.
        watchers_max: How many may watch at the same time.
    """

    def __init__(
        self,
        read: Callable[[Position, int], list[StoredEvent]],
        horizon: Callable[[], Position],
        executor: Executor,
        *,
        kept: int = 10_000,
        watchers_max: int = 4_000,
    ) -> None:
        self._read_blocking = read
        self._horizon_blocking = horizon
        self._executor = executor
        self._kept = kept
        self._watchers_max = watchers_max
        self._watchers = 0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._wake = asyncio.Event()
        self._events: list[StoredEvent] = []
        self._places: list[Place] = []
        self._floor: Place = (0, UUID(int=0), 0)
        self._end: Place = self._floor

    # -- what the process does with it

    def start(self) -> None:
        """Nothing to do before somebody watches."""

    def drain(self) -> None:
        """End all streams; called on the loop."""
        self._closed = True
        self._news.set()

    def stop(self, grace_s: float) -> None:
        """Nothing is left to do: the streams have ended."""

    def wake(self) -> None:
        """Look soon: some events were just committed. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    # -- what a stream does with it

    async def join(self) -> Position:
        """Begin to watch, and answer the present: nothing that comes after it is missed. `leave` must follow.

        Raises:
            TooManyWatchers: There are too many.
            FeedClosed: The process ends.
            ServiceError: The database cannot be read.
        """
        if self._closed:
            raise FeedClosed("the service is shutting down; resume after the last event")
        if self._watchers >= self._watchers_max:
            raise TooManyWatchers("too many streams; try again later", retry_after_s=5)
        self._watchers += 1
        try:
            while self._following is None:
                self._opening = self._opening or asyncio.create_task(self._open())
                await asyncio.shield(self._opening)
        except BaseException:
            self.leave()
            raise
        return Position(*self._end)

    def leave(self) -> None:
        """Stop watching."""
        self._watchers -= 1
        if not self._watchers and self._following is not None:
            self._following.cancel()
            self._following = None

    async def events(self, after: Position) -> AsyncIterator[StoredEvent]:
        """Every event after a position; ends never.

        Raises:
            FeedClosed: The process ends.
            ServiceError: The database cannot be read.
        """
        place = (after.transaction, after.loan_id, after.version)
        while not self._closed:
            news = self._news
            if place < self._floor:
                floor = self._floor
                page = await self._read(Position(*place), PAGE)
            else:
                floor = place
                page = self._events[bisect_right(self._places, place) :][:PAGE]
                if not page:
                    await news.wait()
                    continue
            for event in page:
                yield event
            place = _place(page[-1]) if page else max(place, floor)
        raise FeedClosed("the service is shutting down; resume after the last event")

    # -- following

    async def _open(self) -> None:
        """Begin at the present."""
        self._loop = asyncio.get_running_loop()
        try:
            start = await self._loop.run_in_executor(self._executor, self._horizon_blocking)
            self._floor = self._end = (start.transaction, start.loan_id, start.version)
            self._events, self._places = [], []
            self._following = asyncio.create_task(self._follow())
        finally:
            self._opening = None

    async def _follow(self) -> None:
        """Read what is new, quickly while there is much, and tell those who wait."""
        pause_s = BUSY_S
        while not self._closed:
            try:
                page = await self._read(Position(*self._end), PAGE)
            except Exception as error:  # noqa: BLE001 -- those who watch wait until reading works again
                log.warning("events cannot be read", exc_info=None if is_passing(error) else error, error=str(error))
                await asyncio.sleep(1)
                continue
            if page:
                self._keep(page)
            pause_s = BUSY_S if page else min(pause_s * 1.5, IDLE_S)
            if len(page) < PAGE:
                await self._pause(pause_s)

    def _keep(self, page: list[StoredEvent]) -> None:
        """Add events, and let go of the oldest once there are twice as many as are to be kept."""
        self._events += page
        self._places += map(_place, page)
        self._end = self._places[-1]
        if (surplus := len(self._events) - self._kept) > self._kept:
            self._floor = self._places[surplus - 1]
            del self._events[:surplus], self._places[:surplus]
        self._news.set()
        self._news = asyncio.Event()

    async def _pause(self, longest_s: float) -> None:
        """Wait for a wake-up, or for so long; two looks are never closer than BUSY_S."""
        await asyncio.sleep(BUSY_S)
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=longest_s)
        except TimeoutError:
            return
        self._wake.clear()

    async def _read(self, after: Position, most: int) -> list[StoredEvent]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._read_blocking, after, most)


def _place(stored: StoredEvent) -> Place:
    return stored.transaction, stored.event.loan_id, stored.event.version
