"""Prolongs the leases of what is being worked on, and gives up on a thread that hangs."""

import threading
import time
from collections.abc import Sequence

from sqlalchemy import Engine

from chassis import batch, crash, db, jobs
from chassis.errors import is_passing
from chassis.jobs import NewJob
from chassis.logs import bound, log
from chassis.pool import meter
from chassis.pool.board import Board
from chassis.pool.claimer import IDLE_MOST_S, say_trouble
from chassis.pool.handler import Task


class _Worker(threading.Thread):
    """One of the threads that perform, and the tasks it is at."""

    def __init__(self, board: Board, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._board = board
        self._turn = threading.Lock()
        self._tasks: Sequence[Task] = ()
        self._since = 0.0
        self._abandoned = False

    def run(self) -> None:
        """Take tasks and perform them until the pool ends or this thread is given up."""
        while tasks := self._board.take():
            with self._turn:
                self._tasks, self._since = tasks, time.monotonic()
            outcomes = self._perform(tasks)
            crash.here("performed", tasks[0].job.kind)
            with self._turn:
                if self._abandoned:
                    return
                self._tasks = ()
            away = all(isinstance(outcome, Exception) and is_passing(outcome) for outcome in outcomes)
            self._board.hand_over(tasks, outcomes, away=away)

    @property
    def is_busy(self) -> bool:
        """Whether it has tasks."""
        return bool(self._tasks)

    def abandon_after(self, limit_s: float) -> Sequence[Task]:
        """Give this thread up if it has been at its tasks for too long; answer the tasks it leaves."""
        with self._turn:
            if not self._tasks or time.monotonic() - self._since <= limit_s * len(self._tasks):
                return ()
            self._abandoned = True
            return self._tasks

    def _perform(self, tasks: Sequence[Task]) -> Sequence[object]:
        """One outcome or exception for each task."""
        perform = self._board.handlers[tasks[0].job.kind].perform

        def performed(some: Sequence[Task]) -> Sequence[object]:
            try:
                return perform(some)
            except Exception:
                raise
            except BaseException as error:  # sys.exit() would end this thread with its tasks in hand
                raise RuntimeError(f"the handler wanted to end the process: {error!r}") from error

        with bound(job=tasks[0].job.key):
            return batch.each(performed, tasks)


class Heart:
    """One thread of the pool, which also looks after the others."""

    def __init__(self, engine: Engine, board: Board, worker_id: str, lease_s: float, run_limit_s: float) -> None:
        self._engine = engine
        self._board = board
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._run_limit_s = run_limit_s
        self._workers: list[_Worker] = []

    def start_workers(self) -> None:
        """Start the threads that perform."""
        while len(self._workers) < self._board.size:
            worker = _Worker(self._board, f"{self._board.name}-{len(self._workers)}")
            self._workers.append(worker)
            worker.start()

    def count_busy(self) -> int:
        """How many of them have something to do."""
        return sum(worker.is_busy for worker in list(self._workers))

    def run(self) -> None:
        """Prolong the leases of what is held until the pool ends."""
        self._ensure_periodic_jobs()
        while not self._board.stopped.wait(self._lease_s / 3):
            self._replace_hung_threads()
            try:
                self._extend([task.job for task in self._board.held()])
            except Exception as error:  # noqa: BLE001 -- the next beat may reach the database again
                say_trouble("prolonging leases failed", self._board.name, error)

    def _extend(self, held: Sequence[jobs.Job]) -> None:
        """Prolong the leases, all in one statement."""
        if not held:
            return
        with db.transaction(self._engine) as tx:
            kept = jobs.extend(tx, held, self._worker_id, self._lease_s)
        log.debug("leases prolonged", pool=self._board.name, held=len(held), kept=len(kept))

    def _replace_hung_threads(self) -> None:
        """Let go of threads that have been at their tasks for too long, and of those tasks; start others instead."""
        for worker in list(self._workers):
            if left := worker.abandon_after(self._run_limit_s):
                log.error("a thread hangs and is given up", pool=self._board.name, job=left[0].job.key)
                meter.HUNG.labels(self._board.name).inc()
                self._workers.remove(worker)
                self._board.forget(left)
        self.start_workers()

    def _ensure_periodic_jobs(self) -> None:
        """Make sure that each periodic job is there, waiting for the database if need be."""
        handlers = self._board.handlers
        periodic = [NewJob(kind, key=kind) for kind, handler in handlers.items() if handler.every_s is not None]
        while periodic and not self._board.draining.is_set():
            try:
                with db.transaction(self._engine) as tx:
                    jobs.enqueue(tx, periodic)
            except Exception as error:  # noqa: BLE001 -- tried again until the database is there
                say_trouble("enqueueing periodic jobs failed", self._board.name, error)
                self._board.draining.wait(IDLE_MOST_S)
            else:
                return
