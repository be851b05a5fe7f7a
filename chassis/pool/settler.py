"""Ends the claims of what is done, in batches: success with its effect, failure with another try or none."""

from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import Connection, Engine

from chassis import batch, crash, db, jobs, personal
from chassis.errors import is_passing
from chassis.jobs import Failure
from chassis.logs import log
from chassis.pool import meter
from chassis.pool.board import Board
from chassis.pool.claimer import AWAY, say_trouble
from chassis.pool.handler import Handler, Task

Way = Callable[[Sequence[Task]], Sequence[None]]

TRIES_MOST = 3
"""How often one effect is tried that the database refuses although it is there."""


class Settler:
    """One thread of the pool."""

    def __init__(self, engine: Engine, board: Board, worker_id: str, after_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._board = board
        self._worker_id = worker_id
        self._after_commit = after_commit

    def run(self) -> None:
        """Settle whatever got done while the previous transaction ran, until the pool ends."""
        while True:
            tasks = self._board.wait_for_done(timeout_s=1.0)
            if tasks:
                self._settle(tasks)
                self._after_commit()
            elif self._board.stopped.is_set():
                return

    def give_back(self, tasks: Sequence[Task]) -> None:
        """Make tasks without an outcome claimable by others at once; if that fails, their leases end by themselves."""
        for of_kind in _by_kind(tasks):
            returned = [Failure(task.job, "given back at shutdown", excused=True) for task in of_kind]
            try:
                with db.transaction(self._engine) as tx:
                    self._release(tx, of_kind, jobs.retry(tx, returned, self._worker_id))
            except Exception as error:  # noqa: BLE001 -- the process ends; the leases speak for it
                say_trouble("giving jobs back failed", self._board.name, error)
        self._board.forget(tasks)

    def _settle(self, tasks: Sequence[Task]) -> None:
        """Settle tasks by kind, successes and failures apart."""
        for of_kind in _by_kind(tasks):
            self._settle_with([self._succeed, self._fail, self._end], [task for task in of_kind if not task.failed])
            self._settle_with([self._fail, self._end], [task for task in of_kind if task.failed])

    def _settle_with(self, ways: Sequence[Way], tasks: Sequence[Task]) -> None:
        """Settle tasks together; one whose effect fails by itself is settled in the next way.

        While the database is away the outcomes are kept and tried again. Should the commit have happened after all, or
        the lease have ended, the fence lets nothing through the second time. A conflict or a timeout is tried again as
        well, but not for ever and in halves: it may be the fault of one effect, which would keep all others waiting.
        """
        waiting, tries = list(tasks), 0
        while waiting:
            tries += 1
            verdicts = list(zip(waiting, batch.each(ways[0], waiting), strict=True))
            self._board.forget([task for task, verdict in verdicts if not isinstance(verdict, Exception)])
            refused = [(task, verdict) for task, verdict in verdicts if isinstance(verdict, Exception)]
            waiting = [task for task, error in refused if is_passing(error)]
            for task, error in refused:
                if not is_passing(error):
                    self._effect_failed(ways[1:], task, error)
            if not waiting:
                return
            error = next(error for _, error in refused if is_passing(error))
            is_away = isinstance(error, AWAY)
            say_trouble("results wait for the database", self._board.name, error)
            if len(waiting) > 1 and not is_away:
                middle = len(waiting) // 2
                self._settle_with(ways, waiting[:middle])
                self._settle_with(ways, waiting[middle:])
                return
            if tries >= TRIES_MOST and not is_away:
                self._effect_failed(ways[1:], waiting[0], error)
                return
            if self._board.stopped.wait(jobs.backoff_s(1)):
                return

    def _effect_failed(self, ways: Sequence[Way], task: Task, error: Exception) -> None:
        """Settle a task whose effect could not be written in the next way; after the last, its lease ends by itself."""
        log.error("settling a job failed", pool=self._board.name, job=task.job.key, exc_info=error)
        if ways:
            self._settle_with(ways, [Task(task.job, task.subject, error)])
        else:
            self._board.forget([task])

    def _succeed(self, tasks: Sequence[Task]) -> Sequence[None]:
        """End claims with their effect, in one transaction."""
        handler = self._board.handlers[tasks[0].job.kind]
        held = [task.job for task in tasks]
        with db.transaction(self._engine) as tx:
            if handler.every_s is None:
                mine = jobs.finish(tx, held, self._worker_id)
            else:
                mine = jobs.reschedule(tx, held, self._worker_id, handler.every_s)
            if effective := [task for task in tasks if task.job.id in mine and task.subject is not None]:
                handler.finish(tx, effective)
            crash.here("settling", tasks[0].job.kind)
        crash.here("settled", tasks[0].job.kind)
        meter.ENDED.labels(tasks[0].job.kind, meter.DONE).inc(len(mine))
        if lost := [task.job.key for task in tasks if task.job.id not in mine]:
            log.warning("no longer ours: effect not written", pool=self._board.name, jobs=lost)
        return [None] * len(tasks)

    def _fail(self, tasks: Sequence[Task]) -> Sequence[None]:
        """End claims without an outcome, in one transaction: try again later, or give up."""
        handler = self._board.handlers[tasks[0].job.kind]
        last = [task for task in tasks if _is_last(handler, task)]
        again = [task for task in tasks if task not in last]
        mine: set[int] = set()
        with db.transaction(self._engine) as tx:
            if again:
                mine = jobs.retry(tx, [self._failure(task) for task in again], self._worker_id)
                self._release(tx, again, mine)
            if last:
                mine = mine | self._give_up(tx, handler, last)
        for task in tasks:
            if task.job.id in mine:
                meter.ENDED.labels(task.job.kind, _became(handler, task)).inc()
            if not is_passing(task.outcome):
                event = "job given up" if task in last else "job failed"
                job = task.job
                log.warning(event, pool=self._board.name, job=job.key, attempt=job.attempt, error=_line(task.outcome))
        return [None] * len(tasks)

    def _end(self, tasks: Sequence[Task]) -> Sequence[None]:
        """End claims whose failure had an effect that failed as well: they are tried again, with nothing undone."""
        with db.transaction(self._engine) as tx:
            mine = jobs.retry(tx, [self._failure(task) for task in tasks], self._worker_id)
        for task in tasks:
            if task.job.id in mine:
                meter.ENDED.labels(task.job.kind, meter.PASSING if is_passing(task.outcome) else meter.FAILED).inc()
        return [None] * len(tasks)

    def _release(self, tx: Connection, tasks: Sequence[Task], mine: set[int]) -> None:
        """Undo the start of those that were still ours."""
        if released := [task for task in tasks if task.job.id in mine and task.subject is not None]:
            self._board.handlers[released[0].job.kind].release(tx, released)

    def _give_up(self, tx: Connection, handler: Handler, tasks: Sequence[Task]) -> set[int]:
        """End the last attempts: park the jobs or drop them, with the effect of having failed; periodic ones go on.

        Answers the ids of those that were still ours.
        """
        if handler.every_s is not None:
            mine = jobs.reschedule(tx, [task.job for task in tasks], self._worker_id, handler.every_s)
        elif handler.parks:
            mine = jobs.park(tx, [self._failure(task) for task in tasks], self._worker_id)
        else:
            mine = jobs.finish(tx, [task.job for task in tasks], self._worker_id)
        if ended := [task for task in tasks if task.job.id in mine]:
            handler.give_up(tx, ended)
        return mine

    def _failure(self, task: Task) -> Failure:
        """What to record of a failed task.

        A passing failure is excused and keeps its place in the line; but one that was a probe moves back, so that a job
        at which its receiver always fails does not stand in the way of the others for ever.
        """
        error = _line(task.outcome)
        if not is_passing(task.outcome):
            return Failure(task.job, error, delay_s=jobs.backoff_s(task.job.failures + 1))
        delay_s = jobs.backoff_s(task.job.attempt) if self._board.probing(task.job.kind) else None
        return Failure(task.job, error, excused=True, delay_s=delay_s)


def _is_last(handler: Handler, task: Task) -> bool:
    """Whether this failure uses up the job's attempts."""
    return not is_passing(task.outcome) and handler.is_used_up(task.job.failures + 1)


def _became(handler: Handler, task: Task) -> str:
    """What becomes of a failed task."""
    if is_passing(task.outcome):
        return meter.PASSING
    if not _is_last(handler, task):
        return meter.FAILED
    return meter.PARKED if handler.parks and handler.every_s is None else meter.GIVEN_UP


def _by_kind(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks in groups of one kind, in a fixed order of kinds."""
    ordered = sorted(tasks, key=lambda task: task.job.kind)
    return [list(group) for _, group in groupby(ordered, key=lambda task: task.job.kind)]


def _line(error: BaseException) -> str:
    """An error as one short line, without who it is about and what PostgreSQL cannot hold: NUL and lone surrogates."""
    said = f"{type(error).__name__}: {error}".replace("\x00", " ").encode(errors="replace").decode()
    return personal.hidden(" ".join(said.split()))[:500]
