"""Group commit: many callers' writes, one transaction, one answer each.

There is no timer. Whoever arrives while a commit is in flight forms the next batch, so an idle system adds no latency
and a busy one shares the cost of a commit among everybody who waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from chassis.errors import ResourceExhausted, Unavailable, is_passing
from chassis.logs import log

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooManyWaiting(ResourceExhausted):
    """The queue in front of the commit is full."""


class Interrupted(Unavailable):
    """The process ends before the commit has answered."""


def each(work: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]) -> list[Answer | Exception]:
    """Do the work for all items together; if that fails, halve until the guilty ones are alone.

    A batch is an optimisation and never a unit of failure. A passing failure (the database is away) is everybody's: it
    is not searched for a guilty one.

    Args:
        work: All or nothing for the items it is given; answers one value for each, in order. One that does not has
            failed.
        items: At least one.

    Returns:
        For each item, in order, its answer or the exception that it alone raised.
    """
    try:
        answers = list(work(items))
        if len(answers) != len(items):
            raise ValueError(f"{len(answers)} answers to {len(items)} items")  # noqa: TRY301 -- a failure as any other
        return list[Answer | Exception](answers)
    except Exception as error:  # noqa: BLE001 -- not handled here: handed to the caller of each item
        if len(items) == 1 or is_passing(error):
            return [error] * len(items)
    middle = len(items) // 2
    return each(work, items[:middle]) + each(work, items[middle:])


class GroupCommit(Generic[Item, Answer]):
    """Collects items from coroutines and hands them to a blocking function in batches, one batch at a time.

    Args:
        work: Called on the executor with the items of one batch; all or nothing, one answer each.
        executor: Where `work` runs.
        batch_size: The most items in one batch.
        waiting_max: The most items waiting for their batch; one more is refused with TooManyWaiting.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Answer]],
        executor: Executor,
        *,
        batch_size: int,
        waiting_max: int,
    ) -> None:
        self._work = work
        self._executor = executor
        self._batch_size = batch_size
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Answer:
        """Wait until the item's batch is committed, and answer for this item.

        A caller that is cancelled before its batch is formed leaves no trace.

        Raises:
            TooManyWaiting: Nothing was done; come back later.
            Interrupted: The process is ending; whether it was done is unknown.
            Exception: Whatever the work raised for this item.
        """
        if len(self._waiting) >= self._waiting_max:
            raise TooManyWaiting("too many requests are waiting to be stored")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting = (item, answer)
        self._waiting.append(waiting)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            return await answer
        except asyncio.CancelledError:
            if waiting in self._waiting:  # else its batch is formed, and its answer nobody's
                self._waiting.remove(waiting)
            raise

    async def _run(self) -> None:
        """Commit batches until nobody waits, or the executor takes no more."""
        loop = asyncio.get_running_loop()
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        try:
            while batch := self._next_batch():
                items = [item for item, _ in batch]
                answers = await loop.run_in_executor(self._executor, each, self._work, items)
                for (_, future), answer in zip(batch, answers, strict=True):
                    _resolve(future, answer)
        except RuntimeError:
            log.warning("a commit was interrupted: its executor is shut down", waiting=len(batch) + len(self._waiting))
        finally:
            self._running = None
            for _, future in (*batch, *self._waiting):  # nobody, unless the process is ending
                _resolve(future, Interrupted("the process is ending; whether this was stored is unknown"))
            self._waiting.clear()

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """Take those that have waited longest."""
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_size))]


def _resolve(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    """Give a caller its answer, unless it left meanwhile."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
