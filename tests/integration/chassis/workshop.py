"""A jobs table in a schema of no service, and short words for what is done with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text

from chassis import db, jobs
from chassis.jobs import Failure, Job, NewJob

Answer = TypeVar("Answer")

KIND = "bake"
ENDLESS_S = 3600.0
OVER_S = 0.0  # a lease that has ended when the next transaction begins


@dataclass(frozen=True)
class Workshop:
    """The jobs table and its database."""

    engine: Engine

    @staticmethod
    def opened(engine: Engine) -> "Workshop":
        """Create the table."""
        metadata = db.metadata()
        jobs.table(metadata)
        metadata.create_all(engine)
        return Workshop(engine)

    def put(self, *keys: str, kind: str = KIND, delay_s: float = 0) -> None:
        """Enqueue jobs, each in a transaction of its own, so that each is due later than the one before."""
        for job in [NewJob(kind, key, delay_s=delay_s) for key in keys]:
            self.do(partial(jobs.enqueue, new=[job]))

    def put_many(self, count: int, kind: str = KIND) -> None:
        """Enqueue so many jobs at once."""
        self.do(lambda tx: jobs.enqueue(tx, [NewJob(kind, f"{kind}-{number}") for number in range(count)]))

    def claim(self, worker: str = "ada", most: int = 100, lease_s: float = ENDLESS_S) -> list[Job]:
        """Claim what is due."""
        return self.do(lambda tx: jobs.claim(tx, {KIND: most}, most, worker, lease_s))

    def take_over(self, worker: str = "bob", most: int = 100, lease_s: float = ENDLESS_S) -> list[Job]:
        """Claim what others have left."""
        return self.do(lambda tx: jobs.claim_stale(tx, [KIND], most, worker, lease_s))

    def finish(self, done: Sequence[Job], worker: str = "ada") -> set[int]:
        """Delete done jobs."""
        return self.do(lambda tx: jobs.finish(tx, done, worker))

    def retry(self, job: Job, worker: str = "ada", **failure: Any) -> set[int]:
        """Give a job back."""
        return self.do(lambda tx: jobs.retry(tx, [Failure(job, "burnt", **failure)], worker))

    def park(self, job: Job, error: str = "burnt", worker: str = "ada") -> set[int]:
        """Set a job aside."""
        return self.do(lambda tx: jobs.park(tx, [Failure(job, error)], worker))

    def row(self, key: str) -> dict[str, Any]:
        """A job as it is stored, and in how many seconds it is due and its lease ends."""
        found = text("""
            SELECT *, extract(epoch FROM run_at - now())::float8 AS due_in_s,
                   extract(epoch FROM lease_until - now())::float8 AS left_s
            FROM jobs WHERE key = :key
        """)
        return self.do(lambda tx: dict(tx.execute(found, {"key": key}).one()._mapping))

    def keys(self) -> list[str]:
        """All keys, oldest first."""
        return self.do(lambda tx: list(tx.scalars(text("SELECT key FROM jobs ORDER BY id"))))

    def do(self, work: Callable[[Connection], Answer]) -> Answer:
        """Work in a transaction."""
        with db.transaction(self.engine) as tx:
            return work(tx)
