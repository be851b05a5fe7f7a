"""What the pool's threads share, in memory: which jobs are held, which wait for a thread, which are done."""

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis import jobs
from chassis.logs import log
from chassis.pool.handler import Handler, Hung, Task

PREFETCH_S = 0.1
"""How far ahead of the threads jobs are claimed: what they finish in this time, at their present pace."""


@dataclass(slots=True)
class _Pause:
    """A kind whose receiver is away."""

    failures: int = 0
    until: float = 0.0


class Board:
    """The tasks of one pool, each in exactly one place: waiting, with a thread, or done.

    Args:
        handlers: What to do with each kind.
        name: The pool's name, for the log.
        size: How many threads work at the same time.
        batch_size: The most tasks handed on at once.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, name: str, size: int, batch_size: int) -> None:
        self.handlers = dict(handlers)
        self.name = name
        self.size = size
        self.batch_size = batch_size
        self.draining = threading.Event()
        self.stopped = threading.Event()
        self._changed = threading.Condition()
        self._held: dict[int, Task] = {}
        self._ready: deque[Task] = deque()
        self._done: deque[Task] = deque()
        self._pauses: dict[str, _Pause] = {}
        self._rotation = 0
        self._pace = 0.0
        self._window_since, self._window_count = time.monotonic(), 0

    # -- what the claimer asks

    def wait_for_room(self, timeout_s: float) -> int:
        """Wait until the threads can take more, then say how many; 0 when there is none, or the pool ends.

        While work is slow, no more is claimed than threads are free, so that other processes get their share; while it
        is quick, enough to keep the threads busy during the next claim.
        """

        def room() -> bool:
            return self.draining.is_set() or self._room() >= max(1, self._ahead() // 2)

        with self._changed:
            self._changed.wait_for(room, timeout=timeout_s)
            return 0 if self.draining.is_set() else max(0, min(self.batch_size, self._room()))

    def limits(self, most: int) -> dict[str, int]:
        """How many of each kind to claim: of a kind that is paused none, of one that is being probed one."""
        kinds = list(self.handlers)
        self._rotation = (self._rotation + 1) % len(kinds)
        now = time.monotonic()
        limits = {}
        with self._changed:
            for kind in kinds[self._rotation :] + kinds[: self._rotation]:
                pause = self._pauses.get(kind)
                if pause is None:
                    limits[kind] = most
                elif now >= pause.until and all(task.job.kind != kind for task in self._held.values()):
                    limits[kind] = 1
        return limits

    def accept(self, tasks: Sequence[Task]) -> None:
        """Line tasks up for the threads; those that need no work are done already."""
        with self._changed:
            for task in tasks:
                self._held[task.job.id] = task
                if task.subject is not None and self.handlers[task.job.kind].is_used_up(task.job.failures):
                    task.outcome = Hung("every attempt ended without a result")
                (self._done if task.subject is None or task.failed else self._ready).append(task)
            self._changed.notify_all()

    # -- what the threads ask

    def take(self) -> Sequence[Task]:
        """Wait for work and take a fair share of it, all of one kind; nothing when the pool ends.

        A task that failed before is taken alone: should it hang again, it takes no other with it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self.stopped.is_set())
            if self.stopped.is_set():
                return ()
            share = math.ceil(len(self._ready) / self.size)
            tasks = [self._ready.popleft()]
            while len(tasks) < share and self._ready and _go_together(tasks[0], self._ready[0]):
                tasks.append(self._ready.popleft())
            return tasks

    def hand_over(self, tasks: Sequence[Task], outcomes: Sequence[Any], *, away: bool) -> None:
        """Put tasks down as done, and note whether their receiver seems to be away."""
        with self._changed:
            for task, outcome in zip(tasks, outcomes, strict=True):
                task.outcome = outcome
                self._done.append(task)
            self._note_receiver(tasks[0].job.kind, away=away)
            self._changed.notify_all()

    # -- what the settler asks

    def wait_for_done(self, timeout_s: float) -> Sequence[Task]:
        """Wait for tasks that are done and take them, up to a batch."""
        with self._changed:
            self._changed.wait_for(lambda: self._done or self.stopped.is_set(), timeout=timeout_s)
            return [self._done.popleft() for _ in range(min(len(self._done), self.batch_size))]

    def forget(self, tasks: Sequence[Task]) -> None:
        """Let go of tasks whose claims have ended."""
        with self._changed:
            for task in tasks:
                held = self._held.get(task.job.id)
                if held is not None and held.job.attempt == task.job.attempt:  # else it was claimed again meanwhile
                    del self._held[task.job.id]
            self._window_count += len(tasks)
            if (passed := time.monotonic() - self._window_since) >= PREFETCH_S:
                self._pace = 0.5 * self._pace + 0.5 * self._window_count / passed
                self._window_since, self._window_count = time.monotonic(), 0
            self._changed.notify_all()

    def probing(self, kind: str) -> bool:
        """Whether the receiver of this kind has been away for longer than one look."""
        with self._changed:
            pause = self._pauses.get(kind)
            return pause is None or pause.failures > 1

    # -- what the heart and the end ask

    def held(self) -> Sequence[Task]:
        """All tasks of the pool."""
        with self._changed:
            return list(self._held.values())

    def withdraw_unstarted(self) -> Sequence[Task]:
        """Take back what no thread has taken."""
        with self._changed:
            tasks = list(self._ready)
            self._ready.clear()
            return tasks

    def withdraw_everything(self) -> Sequence[Task]:
        """Take back whatever is still held, at the very end."""
        with self._changed:
            tasks = list(self._held.values())
            self._held.clear()
            return tasks

    def wait_until_nothing_is_held(self, timeout_s: float) -> None:
        """Wait for the running work to be done and settled."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held, timeout=timeout_s)

    def stop(self) -> None:
        """End all waiting."""
        self.stopped.set()
        with self._changed:
            self._changed.notify_all()

    # -- within the lock

    def _ahead(self) -> int:
        """How many more than the threads can take to claim."""
        return min(self.batch_size, int(self._pace * PREFETCH_S))

    def _room(self) -> int:
        """How many more may be held."""
        return self.size + self._ahead() - len(self._held)

    def _note_receiver(self, kind: str, *, away: bool) -> None:
        """Pause a kind whose receiver is away, longer each time; end the pause at the first success."""
        if not away:
            if self._pauses.pop(kind, None) is not None:
                log.info("receiver is back", pool=self.name, kind=kind)
            return
        pause = self._pauses.setdefault(kind, _Pause())
        if time.monotonic() < pause.until:
            return  # one outage, noticed by several threads
        pause.failures += 1
        pause.until = time.monotonic() + 0.02 + jobs.backoff_s(pause.failures, first_s=0.2, most_s=5)
        if pause.failures == 1:
            log.warning("receiver is away", pool=self.name, kind=kind)


def _go_together(first: Task, other: Task) -> bool:
    """Whether two tasks may be taken by one thread."""
    return first.job.kind == other.job.kind and not first.job.failures and not other.job.failures
