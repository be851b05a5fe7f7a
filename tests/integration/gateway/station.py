"""A source of readings that tests publish to, as services have them: every stream from where it asks, and live."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from tests.integration.gateway.stand import Stand


class Readings:
    """The readings of a station, with identifiers "1", "2" and so on.

    Attributes:
        opened: The identifiers after which streams were asked for, in their order.
        live: How many streams are open.
        tells_beginning: Whether a stream says at its start which reading came last before it.
    """

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._all: list[Any] = []
        self._news = asyncio.Event()
        self._breaks = 0
        self.opened: list[str] = []
        self.live = 0
        self.tells_beginning = False
        stand.weather.behaviours["WatchReadings"] = self._watch

    def publish(self, count: int = 1, text: str = "") -> None:
        """Add readings."""
        self._stand.do(lambda: self._add(count, text))

    def interrupt(self) -> None:
        """End the open streams with an error; new ones can be opened."""
        self._stand.do(self._break)

    def interrupt_and_publish(self, count: int) -> None:
        """End the open streams, and add readings before anybody can come back."""
        self._stand.do(lambda: self._break_and_add(count))

    def _add(self, count: int, text: str) -> None:
        for _ in range(count):
            number = len(self._all) + 1
            self._all.append(self._stand.weather.make("Reading", reading_id=str(number), number=number, text=text))
        self._wake()

    def _break_and_add(self, count: int) -> None:
        self._break()
        self._add(count, "")

    def _break(self) -> None:
        self._breaks += 1
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.opened.append(request.after_id)
        position = int(request.after_id) if request.after_id else len(self._all)
        breaks = self._breaks
        self.live += 1
        try:
            if self.tells_beginning:
                await context.send_initial_metadata((("resume-after", str(position)),))
            while True:
                while position < len(self._all):
                    position += 1
                    yield self._all[position - 1]
                await self._news.wait()
                if self._breaks > breaks:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
        finally:
            self.live -= 1
