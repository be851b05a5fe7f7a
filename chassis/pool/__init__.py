"""The concurrent processing pool: claim jobs in batches, work on them in threads, finish them in batches.

    claimer   claims what the threads can take, and calls `start` in the claiming transaction
    threads   call `perform`, outside any transaction
    settler   gathers what is done and, in one transaction, ends the claims and calls `finish`
    heart     prolongs the leases of what is being worked on, and gives up on a thread that hangs
    board     what they share, in memory: which jobs are held, which wait for a thread, which are done

A kind whose receiver is away is paused and probed with one job at a time, so that an outage costs neither attempts
nor the jobs' place in the line. A job that fails by itself is tried again with growing delays, then given up.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

from sqlalchemy import Engine

from chassis.pool import meter
from chassis.pool.board import Board
from chassis.pool.claimer import Claimer
from chassis.pool.handler import Handler, Hung, Task
from chassis.pool.heart import Heart
from chassis.pool.settler import Settler

__all__ = ["Handler", "Hung", "Pool", "Task"]

LAST_WORDS_S = 0.5
"""How long one of the pool's own threads may take to end after the grace."""


class Pool:
    """Claims and runs the jobs of some kinds.

    Args:
        engine: A connection pool of its own, of three connections or more.
        handlers: What to do with each kind; kinds not named are left alone.
        name: For logs and thread names.
        size: How many threads work at the same time.
        batch_size: The most jobs in one claim and in one finish.
        lease_s: How long a claim lasts without a sign of life; other processes take over after it.
        run_limit_s: How long one job may be worked on before its thread is given up as hung.
        after_commit: Called after effects were committed, for example to wake the pool that delivers follow-up jobs.
    """

    def __init__(  # noqa: PLR0913 -- each is named by its caller, and all but four have defaults
        self,
        engine: Engine,
        handlers: Mapping[str, Handler],
        *,
        name: str,
        size: int,
        batch_size: int = 100,
        lease_s: float = 30,
        run_limit_s: float = 60,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        worker_id = f"{name}@{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._board = Board(handlers, name=name, size=size, batch_size=batch_size)
        self._settler = Settler(engine, self._board, worker_id, after_commit)
        self._claimer = Claimer(engine, self._board, worker_id, lease_s)
        self._heart = Heart(engine, self._board, worker_id, lease_s, run_limit_s)
        self._threads: list[threading.Thread] = []
        meter.declare(name, handlers, size, self._heart.count_busy)

    def start(self) -> None:
        """Begin to claim."""
        self._heart.start_workers()
        for role in (self._claimer, self._settler, self._heart):
            name = f"{self.name}-{type(role).__name__.lower()}"
            thread = threading.Thread(target=role.run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look for jobs soon: some were just committed."""
        self._claimer.wake()

    def drain(self) -> None:
        """Stop claiming; running work goes on. Returns at once."""
        self._board.draining.set()
        self._claimer.wake()

    def stop(self, grace_s: float) -> None:
        """Stop claiming, let running work finish for so long, and give the rest back at once."""
        deadline = time.monotonic() + grace_s
        self.drain()
        self._settler.give_back(self._board.withdraw_unstarted())
        self._board.wait_until_nothing_is_held(deadline - time.monotonic())
        self._board.stop()
        for thread in self._threads:
            thread.join(timeout=max(deadline - time.monotonic(), LAST_WORDS_S))
        self._settler.give_back(self._board.withdraw_everything())
