"""Listening for the client to go away while something is done for it."""

import asyncio
from types import TracebackType

from gateway.app.exchange import Exchange, HungUpError


class Attended:
    """Cancels what runs within when the client goes away, and says so by HungUpError.

    Args:
        exchange: Its body must have been read.
        patience_s: How long nobody listens at first.
    """

    __slots__ = ("_exchange", "_listener", "_patience_s", "_task", "_timer")

    def __init__(self, exchange: Exchange, patience_s: float = 0) -> None:
        self._exchange = exchange
        self._patience_s = patience_s
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._listener: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._listen)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        if self._listener is None:
            return
        has_hung_up = self._listener.done()
        self._listener.remove_done_callback(self._cancel)
        self._listener.cancel()
        if has_hung_up and kind is asyncio.CancelledError and self._task:
            self._task.uncancel()
            raise HungUpError from None

    def _listen(self) -> None:
        self._listener = asyncio.get_running_loop().create_task(self._exchange.hang_up())
        self._listener.add_done_callback(self._cancel)

    def _cancel(self, _listener: "asyncio.Task[None]") -> None:
        if self._task:
            self._task.cancel()
