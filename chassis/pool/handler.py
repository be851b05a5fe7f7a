"""What a service tells the pool about a kind of job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chassis.jobs import Job


@dataclass(slots=True, eq=False)
class Task:
    """A claimed job on its way through the pool.

    Attributes:
        job: The job.
        subject: What `start` read for it.
        outcome: What `perform` made of it, or the exception it ended with.
    """

    job: Job
    subject: Any = None
    outcome: Any = None

    @property
    def failed(self) -> bool:
        """Whether it ended with an exception."""
        return isinstance(self.outcome, Exception)


class Hung(Exception):
    """Every earlier attempt ended without a word: its worker died, or worked longer than is allowed."""


def _no_subjects(_tx: Connection, started: Sequence[Job]) -> Sequence[Any]:
    return [True] * len(started)


def _no_work(tasks: Sequence[Task]) -> Sequence[Any]:
    return [None] * len(tasks)


def _no_effect(_tx: Connection, _tasks: Sequence[Task]) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What to do with jobs of one kind. All functions take many; one job is a list of one.

    Attributes:
        start: In the claiming transaction: marks the beginning and reads what `perform` needs, one subject for each
            job; None means there is nothing left to do, and the job is done.
        perform: On a thread, in no transaction: one outcome, or exception, for each task. Raising fails all of them.
        finish: In the transaction that ends the claims: the effect of the outcomes.
        release: In the transaction that gives jobs back without an outcome: undoes `start`.
        give_up: In the transaction that ends the last attempt: the effect of having failed.
        attempts_max: After so many failures of its own a job is given up; None never gives up.
        parks: A job that is given up is kept as PARKED for a person to look at; otherwise it is done.
        every_s: The job is periodic: there is always one, due so long after it last ended, even if it was given up.
    """

    start: Callable[[Connection, Sequence[Job]], Sequence[Any]] = _no_subjects
    perform: Callable[[Sequence[Task]], Sequence[Any]] = _no_work
    finish: Callable[[Connection, Sequence[Task]], None] = _no_effect
    release: Callable[[Connection, Sequence[Task]], None] = _no_effect
    give_up: Callable[[Connection, Sequence[Task]], None] = _no_effect
    attempts_max: int | None = 10
    parks: bool = True
    every_s: float | None = None

    def is_used_up(self, failures: int) -> bool:
        """Whether so many failures are too many."""
        return self.attempts_max is not None and failures >= self.attempts_max
