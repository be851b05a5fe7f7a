"""Claims what the threads can take, and starts it in the claiming transaction."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection, Engine

from chassis import crash, db, jobs
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

AWAY = (db.DatabaseUnavailable, db.DatabaseBusy)
"""Failures that no job is guilty of: the next try waits, for as long as they last."""


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
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 -- it is the outcome of the jobs that are guilty of it
            log.error("starting jobs together failed, trying singly", pool=self._board.name, exc_info=error)
            tasks = self._claim_then_start_singly(limits, most)
        if stale:
            self._next_stale = time.monotonic() + _jittered(min(self._lease_s / 4, STALE_MOST_S))
        for task in tasks:
            crash.here("claimed", task.job.kind)
        self._board.accept(tasks)
        return len(tasks)

    def _claimed(self, tx: Connection, limits: dict[str, int], most: int, *, stale: bool) -> list[Job]:
        """Take over what others left, then what is due."""
        left, taken = dict(limits), list[Job]()
        if stale:
            probed = [kind for kind in limits if limits[kind] < most]
            taken += jobs.claim_stale(tx, [*limits.keys() - probed], most, self._worker_id, self._lease_s)
            for kind in probed:
                probes = jobs.claim_stale(tx, [kind], limits[kind], self._worker_id, self._lease_s)
                left[kind] -= len(probes)
                taken += probes
        if len(taken) < most:
            taken += jobs.claim(tx, left, most - len(taken), self._worker_id, self._lease_s)
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
        """Claim without starting, then start one after the other: only those fail that cannot be started."""
        with db.transaction(self._engine) as tx:
            claimed = self._claimed(tx, limits, most, stale=True)
        return [self._started_alone(job) for job in claimed]

    def _started_alone(self, job: Job) -> Task:
        """Start a job; if that fails, it is a failed task of which nothing has begun."""
        try:
            with db.transaction(self._engine) as tx:
                mine = jobs.lock(tx, [job], self._worker_id)
                return self._started(tx, [job])[0] if mine else Task(job)
        except Exception as error:  # noqa: BLE001 -- not handled here: it is the outcome of this one task
            return Task(job, outcome=error)


def say_trouble(event: str, pool: str, error: Exception) -> None:
    """One line for a passing failure, the whole traceback for a defect."""
    if is_passing(error):
        log.warning(event, pool=pool, error=str(error))
    else:
        log.error(event, pool=pool, exc_info=error)


def _jittered(wait_s: float) -> float:
    """About this long, so that several processes do not look in step."""
    return wait_s * random.uniform(0.5, 1.5)  # noqa: S311 -- spreads load, guards nothing
