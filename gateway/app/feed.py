"""One upstream stream of events for everybody who watches them."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import grpc.aio

from gateway.app import endpoint as endpoints
from gateway.app.endpoint import Endpoint, Event
from gateway.app.limits import Limits
from gateway.errors import RefusedError

# None is a silence: for as long as a client should wait without hearing anything, nothing came.
Source: TypeAlias = AsyncGenerator[Event | None, None]

_BACKOFF_FIRST_S = 0.2
_BACKOFF_MAX_S = 5.0

# The metadata by which a service says what came last before the stream.
_RESUME_AFTER = "resume-after"

# What says nothing about the request: the same one may be answered later.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNKNOWN,
    }
)


@dataclass(eq=False, slots=True)
class _CatchUp:
    """A watcher that follows a stream of its own until that meets the feed.

    Attributes:
        last_id: The last event it has given.
        position: Where it goes on in the feed.
        met: Done as soon as the feed gets to `last_id`.
    """

    last_id: str
    position: int = 0
    met: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Feed:
    """Follows a stream from when it is made until nobody watches any more, and keeps its recent events.

    Events have positions, counted from 0. A watcher has no queue: it is a position, and one that falls behind what is
    kept is cut off. So a slow one costs nothing and delays nobody.

    Args:
        endpoint: The method that is followed; its events have identifiers from which it can be resumed.
        limits: How many events are kept, and how long a silence is.
        last_id: The event after which it begins; empty begins with what comes next.
    """

    def __init__(self, endpoint: Endpoint, limits: Limits, last_id: str) -> None:
        loop = asyncio.get_running_loop()
        self.is_over = False
        self._endpoint = endpoint
        self._limits = limits
        self._recent: deque[Event] = deque()
        self._positions = {last_id: -1} if last_id else {}  # of the events that are kept, and of the one before
        self._last_id = last_id
        self._end = 0
        self._watchers = 0
        self._settles_at = loop.time() + limits.settle_s
        self._failure: Exception | None = None
        self._has_ended = False
        self._news: asyncio.Future[None] = loop.create_future()
        self._catching_up: set[_CatchUp] = set()
        self._following = loop.create_task(self._follow())

    async def watch(self, last_id: str, deadline: float) -> Source:
        """Give every event after `last_id`, or from now on if that is empty.

        Args:
            last_id: The last event that the watcher has seen.
            deadline: When to end, on the clock of the running loop.

        Raises:
            RefusedError: The watcher was too slow, or the feed was closed.
            grpc.aio.AioRpcError: The stream cannot be followed.
        """
        self._watchers += 1
        try:
            position = self._positions.get(last_id, -2) + 1 if last_id else self._end
            if position < self._first:
                catch_up = _CatchUp(last_id)
                async with aclosing(self._caught_up(catch_up)) as events:
                    async for event in events:
                        yield event
                position = catch_up.position
            async with aclosing(self._from(position, deadline)) as events:
                async for event in events:
                    yield event
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                self.is_over = True
                self._following.cancel()

    def close(self, failure: Exception | None) -> None:
        """End all watching, and say why, unless it is because the service has nothing more to give."""
        self.is_over = True
        self._has_ended = True
        self._failure = failure
        self._following.cancel()
        if failure is not None:
            for catch_up in self._catching_up:
                self._meet(catch_up)
        self._wake()

    @property
    def _first(self) -> int:
        """The position of the oldest event that is kept."""
        return self._end - len(self._recent)

    @property
    def _is_open(self) -> bool:
        return self._end > 0 or asyncio.get_running_loop().time() >= self._settles_at

    async def _from(self, position: int, deadline: float) -> Source:
        """Give the events from a position on, as they come."""
        loop = asyncio.get_running_loop()
        wait_s = self._limits.settle_s
        if self._is_open:
            yield None
            wait_s = self._limits.keep_alive_s
        while loop.time() < deadline:
            while position < self._end:
                if position < self._first:
                    raise RefusedError(429, f"too slow: the last {len(self._recent)} events were not taken in time")
                yield self._recent[position - self._first]
                position += 1
            if self._failure is not None:
                raise self._failure
            if self._has_ended:
                return
            if not (await asyncio.wait({self._news}, timeout=min(wait_s, max(0.0, deadline - loop.time()))))[0]:
                yield None
            wait_s = self._limits.keep_alive_s

    async def _caught_up(self, catch_up: _CatchUp) -> Source:
        """Give the events of a stream of one's own until one of them is in the feed as well."""
        call = self._call(catch_up.last_id)
        self._catching_up.add(catch_up)
        try:
            while True:
                reading = asyncio.ensure_future(call.read())
                either: set[asyncio.Future[Any]] = {reading, catch_up.met}
                while not (await asyncio.wait(either, timeout=self._limits.keep_alive_s))[0]:
                    yield None
                if catch_up.met.done():
                    reading.cancel()
                    return
                answer = reading.result()
                if not isinstance(answer, bytes):  # the mark of the end
                    if self._has_ended:
                        self._meet(catch_up)
                        return
                    raise RefusedError(503, "the stream was interrupted; resume it from the last event")
                event = self._endpoint.event(answer)
                catch_up.last_id = event.id  # before it is given: meanwhile the feed may get to it
                yield event
                if event.id in self._positions:
                    catch_up.position = self._positions[event.id] + 1
                    return
        finally:
            self._catching_up.discard(catch_up)
            call.cancel()

    async def _follow(self) -> None:
        """Keep the stream up, from the last event on, for as long as its failures are passing ones."""
        pause_s = _BACKOFF_FIRST_S
        while True:
            try:
                async for event in self._events():
                    self._publish(event)
                    pause_s = _BACKOFF_FIRST_S
            except grpc.aio.AioRpcError as error:
                if not self._is_open or error.code() not in _PASSING:
                    self.close(error)
                    return
            except RefusedError as error:
                self.close(error)
                return
            else:
                self.close(None)
                return
            await asyncio.sleep(pause_s * random.random())  # noqa: S311 -- spreads load, guards nothing
            pause_s = min(pause_s * 2, _BACKOFF_MAX_S)

    async def _events(self) -> AsyncGenerator[Event, None]:
        """Give the events of one stream, from the last one on, or from where the service says that it begins."""
        call = self._call(self._last_id)
        try:
            if not self._last_id and (beginning := await _beginning(call)):
                self._last_id, self._settles_at = beginning, asyncio.get_running_loop().time()
            async for answer in call:
                yield self._endpoint.event(answer)
        finally:
            call.cancel()

    def _publish(self, event: Event) -> None:
        if event.id in self._positions:
            return  # the service gave it again after the stream was resumed
        self._recent.append(event)
        if event.id:
            self._positions[event.id] = self._end
            self._last_id = event.id
        self._end += 1
        if len(self._recent) > self._limits.recent_max:
            self._positions.pop(self._recent.popleft().id, None)
        for catch_up in self._catching_up:
            if catch_up.last_id == event.id:
                self._meet(catch_up)
        self._wake()

    def _meet(self, catch_up: _CatchUp) -> None:
        """Let a watcher go on in the feed, with what comes next."""
        if not catch_up.met.done():
            catch_up.position = self._end
            catch_up.met.set_result(None)

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        news.set_result(None)

    def _call(self, last_id: str) -> "grpc.aio.UnaryStreamCall[bytes, bytes]":
        request = self._endpoint.resumed(self._endpoint.binding.request(), last_id)
        sent = (("x-request-id", uuid4().hex),)
        return self._endpoint.upstream.server_stream(
            self._endpoint.call, endpoints.serialized(request), sent, timeout_s=None
        )


async def _beginning(call: "grpc.aio.UnaryStreamCall[bytes, bytes]") -> str:
    """Where the service says that a stream begins; empty if it does not say."""
    for name, value in await call.initial_metadata() or ():
        if name == _RESUME_AFTER and isinstance(value, str):
            return value
    return ""
