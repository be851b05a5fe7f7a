"""Pools that bake: the effect of each job is a row, so that what was done twice, or never, can be counted."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, text

from chassis import jobs
from chassis.jobs import NewJob
from chassis.pool import Handler, Pool, Task
from deploy.processes import wait_until
from tests.integration.chassis.workshop import KIND, Workshop

Perform = Callable[[Sequence[Task]], Sequence[Any]]

WAIT_S = 60.0


@dataclass
class Oven:
    """What `perform` does and remembers.

    Attributes:
        trouble: Raised for the job with this key, or by a callable that raises.
        batches: The keys of each call.
    """

    trouble: dict[str, BaseException | Callable[[], object]] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)

    def __call__(self, tasks: Sequence[Task]) -> list[str]:
        """Bake all, or fail with the trouble of the first that has some."""
        self.batches.append([task.job.key for task in tasks])
        for task in tasks:
            trouble = self.trouble.get(task.job.key)
            if isinstance(trouble, BaseException):
                raise trouble
            if trouble is not None:
                trouble()
        return [f"{task.job.key} is done" for task in tasks]

    def count(self, key: str) -> int:
        """How often a job was performed."""
        return sum(batch.count(key) for batch in self.batches)


class Bakery:
    """A jobs table, a table of what was baked, and the pools that work on them."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.oven = Oven()
        self._pools: list[Pool] = []
        workshop.do(lambda tx: tx.execute(text("CREATE TABLE baked (key text, how text)")))

    def open(
        self, handlers: dict[str, Handler] | None = None, *, engine: Engine | None = None, **settings: Any
    ) -> Pool:
        """Start a pool; by default it bakes."""
        settings = {"name": f"pool {len(self._pools)}", "size": 4, "lease_s": 30, **settings}
        pool = Pool(engine or self.workshop.engine, handlers or {KIND: self.handler()}, **settings)
        self._pools.append(pool)
        pool.start()
        return pool

    def close(self) -> None:
        """Stop all pools."""
        for pool in self._pools:
            pool.stop(1)

    def handler(self, **changes: Any) -> Handler:
        """How bread is baked."""
        return replace(Handler(perform=self.oven, finish=baked("baked"), give_up=baked("given up")), **changes)

    def baked(self, how: str = "baked") -> Counter[str]:
        """How often each job had its effect."""
        found = text("SELECT key FROM baked WHERE how = :how")
        return Counter(self.workshop.do(lambda tx: tx.scalars(found, {"how": how}).all()))

    def count(self, state: str) -> int:
        """How many jobs are in a state."""
        counted = text("SELECT count(*) FROM jobs WHERE state = :state")
        return self.workshop.do(lambda tx: tx.scalar(counted, {"state": state})) or 0

    def wait_until_empty(self) -> None:
        """Wait until every job is done."""
        wait_until(lambda: not self.workshop.keys(), "every job to be done", WAIT_S)

    def wait_until_baked(self, *keys: str) -> None:
        """Wait for the effects of these jobs."""
        wait_until(lambda: set(keys) <= set(self.baked()), f"{keys} to be baked", WAIT_S)

    def wait_until_more(self) -> None:
        """Wait for any effect that is not there yet."""
        so_far = self.baked().total()
        wait_until(lambda: self.baked().total() > so_far, "more to be baked", WAIT_S)

    def wait_until_parked(self, key: str) -> None:
        """Wait until a job is set aside."""
        wait_until(lambda: self.workshop.row(key)["state"] == "PARKED", f"{key} to be parked", WAIT_S)


def baked(how: str) -> Callable[[Connection, Sequence[Task]], None]:
    """The effect of jobs."""
    insert = text("INSERT INTO baked SELECT unnest(CAST(:keys AS text[])), :how")

    def effect(tx: Connection, tasks: Sequence[Task]) -> None:
        tx.execute(insert, {"keys": [task.job.key for task in tasks], "how": how})

    return effect


class Gate:
    """Holds back whoever passes until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> None:
        """Wait for the gate to open."""
        self.reached.set()
        assert self._opened.wait(WAIT_S)

    def open(self) -> None:
        """Let everybody through from now on."""
        self._opened.set()


def enqueue(workshop: Workshop, *keys: str, kind: str = KIND) -> None:
    """Enqueue jobs together, so that they are claimed together."""
    workshop.do(lambda tx: jobs.enqueue(tx, [NewJob(kind, key) for key in keys]))
