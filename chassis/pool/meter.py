"""Counts what becomes of jobs, and how busy the threads are."""

from collections.abc import Callable, Iterable

from prometheus_client import Counter, Gauge

from chassis import metrics

DONE, PASSING, FAILED, PARKED, GIVEN_UP = OUTCOMES = ("done", "passing", "failed", "parked", "given_up")
"""The last is what becomes of jobs that are not kept for a person to look at."""

ENDED = Counter(
    "jobs_ended",
    "Attempts at jobs that have ended, by what became of them.",
    ["kind", "outcome"],
    registry=metrics.REGISTRY,
)
BUSY = Gauge("pool_threads_busy", "Threads that are at work.", ["pool"], registry=metrics.REGISTRY)
THREADS = Gauge("pool_threads", "Threads that there are for work.", ["pool"], registry=metrics.REGISTRY)
HUNG = Counter("pool_threads_hung", "Threads given up because they hang.", ["pool"], registry=metrics.REGISTRY)


def declare(pool: str, kinds: Iterable[str], size: int, busy: Callable[[], int]) -> None:
    """Say what a pool has, so that all its figures are there from the beginning.

    Args:
        pool: Its name.
        kinds: What it works on.
        size: How many threads it has.
        busy: Answers how many of them are at work.
    """
    for kind in kinds:
        for outcome in OUTCOMES:
            ENDED.labels(kind, outcome)
    THREADS.labels(pool).set(size)
    BUSY.labels(pool).set_function(busy)
    HUNG.labels(pool)
