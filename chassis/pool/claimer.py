"""Claims what the threads can take, and starts it in the claiming transaction."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection, Engine

from chassis import batch, db, jobs
from chassis.errors import is_passing
from chassis.jobs import Job
from chassis.logs import log
from chassis.pool.board import Board
from chassis.pool.handler import Task

GATHER_S = 0.02
"""The least time between two claims while there is less to do than the threads could take."""

IDLE_MOST_S = 0.5
"""The longest time between two looks at an empty table."""

STALE_MOST_S = 5.0
"""The longest time between two looks for jobs whose owner's lease has ended."""


class Claimer:
    """One thread of the pool."""

    def __init__(self, engine: Engine, board: Board, worker_id: str, lease_s: float) -> None:
        self._engine = engine
        self._board = board
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._wake = threading.Event()
        self._next_stale = 0.0

    def wake(self) -> None:
        """Look soon."""
        self._wake.set()

    def run(self) -> None:
        """Claim while there is room: quickly while there is much to do, rarely while there is nothing."""
        idle_s = GATHER_S
        while not self._board.draining.is_set():
            if not (most := self._board.wait_for_room(timeout_s=1.0)):
                continue
            try:
                claimed = self._claim(most)
            except Exception as error:  # noqa: BLE001 -- the loop outlives any outage; each failed look is said
                say_trouble("claiming failed", self._board.name, error)
                self._board.draining.wait(GATHER_S + jobs.backoff_s(1, first_s=IDLE_MOST_S))
                continue
            if claimed >= most:
                continue
            idle_s = GATHER_S if claimed else min(idle_s * 1.5, IDLE_MOST_S)
            self._board.draining.wait(GATHER_S)
            self._wake.wait(_jittered(idle_s))
            self._wake.clear()

    def _claim(self, most: int) -> int:
        """Claim and start jobs; answer how many."""
        if not (limits := self._board.limits(most)):
            return 0
        stale = time.monotonic() >= self._next_stale
        try:
            with db.transaction(self._engine) as tx:
                tasks = self._started(tx, self._claimed(tx, limits, most, stale=stale))
        except Exception as error:
            if is_passing(error):
                raise
            log.error("starting jobs together failed, trying singly", pool=self._board.name, exc_info=error)
            tasks = self._claim_then_start_singly(limits, most)
        if stale:
            self._next_stale = time.monotonic() + _jittered(min(self._lease_s / 4, STALE_MOST_S))
        self._board.accept(tasks)
        return len(tasks)

    def _claimed(self, tx: Connection, limits: dict[str, int], most: int, *, stale: bool) -> list[Job]:
        """Take over what others left, then what is due."""
        taken = jobs.claim_stale(tx, list(limits), most, self._worker_id, self._lease_s) if stale else []
        if len(taken) < most:
            taken += jobs.claim(tx, limits, most - len(taken), self._worker_id, self._lease_s)
        return taken

    def _started(self, tx: Connection, claimed: Sequence[Job]) -> list[Task]:
        """Call `start` for each kind."""
        tasks = []
        in_kinds = sorted(claimed, key=lambda job: job.kind)
        for kind, group in groupby(in_kinds, key=lambda job: job.kind):
            of_kind = list(group)
            subjects = self._board.handlers[kind].start(tx, of_kind)
            tasks += [Task(job, subject) for job, subject in zip(of_kind, subjects, strict=True)]
        return tasks

    def _claim_then_start_singly(self, limits: dict[str, int], most: int) -> list[Task]:
        """Claim without starting, then halve until the jobs that cannot be started are alone: only they fail."""
        with db.transaction(self._engine) as tx:
            claimed = self._claimed(tx, limits, most, stale=True)

        def start(some: Sequence[Job]) -> list[Task]:
            with db.transaction(self._engine) as tx:
                mine = jobs.lock(tx, some, self._worker_id)
                started = {task.job.id: task for task in self._started(tx, [job for job in some if job.id in mine])}
            return [started.get(job.id) or Task(job) for job in some]

        started = batch.each(start, claimed) if claimed else []
        return [
            Task(job, subject=True, outcome=made) if isinstance(made, Exception) else made
            for job, made in zip(claimed, started, strict=True)
        ]


def say_trouble(event: str, pool: str, error: Exception) -> None:
    """One line for a passing failure, the whole traceback for a defect."""
    if is_passing(error):
        log.warning(event, pool=pool, error=str(error))
    else:
        log.error(event, pool=pool, exc_info=error)


def _jittered(wait_s: float) -> float:
    """About this long, so that several processes do not look in step."""
    return wait_s * random.uniform(0.5, 1.5)  # noqa: S311 -- spreads load, guards nothing
