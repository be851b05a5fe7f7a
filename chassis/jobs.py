r"""The durable jobs table: work queue and outbox in one.

A job is enqueued in the transaction of the change it follows from, and deleted in the transaction of its own effect.

    READY --claim--> LEASED --finish--> (deleted)
      ^                |  \--park----> PARKED --replay--> READY
      |                |
      +----- retry ----+        (or the lease ends, and the next claim takes it over)

Whoever claims a job holds it until its lease ends. Every statement that ends a claim carries the fence: the job must
still be LEASED, by this worker, in this attempt. What the fence does not let through was taken over meanwhile, and
the caller must drop its effect. Only the database's clock counts.
"""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def table(metadata: MetaData) -> Table:
    """Declare the jobs table among a service's own.

    `lease_until` is in no index: a heartbeat then stays a heap-only update. Finished jobs are deleted, so the table
    stays small and is vacuumed often.
    """
    return Table(
        "jobs",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("args", JSONB, nullable=False),
        Column("state", Text, nullable=False, server_default="READY"),
        Column("attempt", Integer, nullable=False, server_default="0"),
        Column("excused", Integer, nullable=False, server_default="0"),
        Column("worker", Text),
        Column("lease_until", DateTime(timezone=True)),
        Column("run_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("last_error", Text),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        UniqueConstraint("key"),
        CheckConstraint("state IN ('READY', 'LEASED', 'PARKED')", name="state"),
        CheckConstraint("(state = 'LEASED') = (worker IS NOT NULL AND lease_until IS NOT NULL)", name="leased"),
        CheckConstraint("state <> 'PARKED' OR last_error IS NOT NULL", name="parked_with_reason"),
        CheckConstraint("excused BETWEEN 0 AND attempt", name="excused"),
        Index("jobs_ready_index", "kind", "run_at", postgresql_where=text("state = 'READY'")),
        Index("jobs_leased_index", "kind", postgresql_where=text("state = 'LEASED'")),
        Index("jobs_parked_index", "kind", postgresql_where=text("state = 'PARKED'")),
        postgresql_with={
            "fillfactor": "70",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be enqueued.

    Attributes:
        kind: Which handler runs it.
        key: Identifies the job for as long as it is in the table; a second one with this key is not enqueued.
        args: What the handler needs to know, as JSON.
        delay_s: The earliest start, counted from now.
    """

    kind: str
    key: str
    args: dict[str, Any] = field(default_factory=dict)
    delay_s: float = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job.

    Attributes:
        id: Its row.
        kind: Which handler runs it.
        key: What receivers recognise a repetition by.
        args: What the handler needs to know.
        attempt: How many times it has been claimed, this time included; also the fence.
        failures: How many of the earlier attempts count as failures of the job itself.
        taken_over: The last owner's lease ended before it was done.
        created_at: When it was enqueued.
    """

    id: int
    kind: str
    key: str
    args: dict[str, Any]
    attempt: int
    failures: int
    taken_over: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job as an operator looks at it.

    Attributes:
        key: What it is replayed by.
        kind: Which handler runs it.
        state: READY, LEASED or PARKED.
        attempt: How many times it has been claimed.
        age_s: How long ago it was enqueued.
        overdue_s: How long it has been due; negative if it is due later.
        last_error: Why it failed last; empty if it did not.
    """

    key: str
    kind: str
    state: str
    attempt: int
    age_s: float
    overdue_s: float
    last_error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A claimed job that did not succeed.

    Attributes:
        job: The job.
        error: One line for the operator.
        excused: The failure was not the job's own and does not count towards giving up.
        delay_s: When to try again, counted from now; None keeps the job's place in the line.
    """

    job: Job
    error: str
    excused: bool = False
    delay_s: float | None = None


ENQUEUE = text("""
INSERT INTO jobs (kind, key, args, run_at)
SELECT kind, key, args, now() + make_interval(secs => delay_s)
FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:args AS jsonb[]), CAST(:delays_s AS float8[]))
     AS new (kind, key, args, delay_s)
ON CONFLICT (key) DO NOTHING
""")

CLAIM_READY = text("""
WITH ready AS MATERIALIZED (
    SELECT job.id
    FROM unnest(CAST(:kinds AS text[]), CAST(:limits AS int[])) AS wanted (kind, most)
    CROSS JOIN LATERAL (
        SELECT id FROM jobs
        WHERE state = 'READY' AND kind = wanted.kind AND run_at <= now()
        ORDER BY run_at LIMIT wanted.most FOR UPDATE SKIP LOCKED
    ) AS job
    LIMIT :most
)
UPDATE jobs
SET state = 'LEASED', attempt = attempt + 1, worker = :worker, lease_until = now() + make_interval(secs => :lease_s)
FROM ready WHERE jobs.id = ready.id
RETURNING jobs.id, kind, key, args, attempt, attempt - 1 - excused AS failures, FALSE AS taken_over, created_at
""")

CLAIM_STALE = text("""
WITH stale AS MATERIALIZED (
    SELECT id FROM jobs
    WHERE state = 'LEASED' AND kind = ANY (CAST(:kinds AS text[])) AND lease_until < now()
    LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE jobs
SET attempt = attempt + 1, worker = :worker, lease_until = now() + make_interval(secs => :lease_s)
FROM stale WHERE jobs.id = stale.id
RETURNING jobs.id, kind, key, args, attempt, attempt - 1 - excused AS failures, TRUE AS taken_over, created_at
""")

# What every statement that ends or prolongs a claim insists on.
_HELD = """
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS held (id, attempt)
WHERE jobs.id = held.id AND jobs.attempt = held.attempt AND jobs.state = 'LEASED' AND jobs.worker = :worker
"""

FINISH = text(f"DELETE FROM jobs {_HELD.replace('FROM', 'USING', 1)} RETURNING jobs.id")  # noqa: S608 -- no input in it

LOCK = text(f"SELECT jobs.id {_HELD.replace('FROM', 'FROM jobs,', 1)} FOR UPDATE OF jobs")

# Rows that a transaction is just ending are skipped: waiting for it in another order than its own would be a deadlock.
EXTEND = text(f"""
WITH mine AS MATERIALIZED (SELECT jobs.id {_HELD.replace("FROM", "FROM jobs,", 1)} FOR UPDATE OF jobs SKIP LOCKED)
UPDATE jobs SET lease_until = now() + make_interval(secs => :lease_s)
FROM mine WHERE jobs.id = mine.id RETURNING jobs.id
""")  # noqa: S608 -- no input in it

# `attempt` is never set back, or a worker of long ago would pass the fence: what is behind is excused instead.
RESCHEDULE = text(f"""
UPDATE jobs SET state = 'READY', worker = NULL, lease_until = NULL, run_at = now() + make_interval(secs => :delay_s),
    excused = jobs.attempt, last_error = NULL
{_HELD} RETURNING jobs.id
""")  # noqa: S608 -- no input in it

RETRY = text("""
UPDATE jobs
SET state = 'READY', worker = NULL, lease_until = NULL, last_error = held.error, excused = jobs.excused + held.excused,
    run_at = CASE WHEN held.delay_s IS NULL THEN jobs.run_at ELSE now() + make_interval(secs => held.delay_s) END
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:errors AS text[]), CAST(:excused AS int[]),
            CAST(:delays_s AS float8[])) AS held (id, attempt, error, excused, delay_s)
WHERE jobs.id = held.id AND jobs.attempt = held.attempt AND jobs.state = 'LEASED' AND jobs.worker = :worker
RETURNING jobs.id
""")

PARK = text("""
UPDATE jobs SET state = 'PARKED', worker = NULL, lease_until = NULL, last_error = held.error
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:errors AS text[])) AS held (id, attempt, error)
WHERE jobs.id = held.id AND jobs.attempt = held.attempt AND jobs.state = 'LEASED' AND jobs.worker = :worker
RETURNING jobs.id
""")

REPLAY = text("""
UPDATE jobs SET state = 'READY', run_at = now(), excused = attempt
WHERE key = ANY (CAST(:keys AS text[])) AND state = 'PARKED'
RETURNING jobs.id
""")

LIST = text("""
SELECT key, kind, state, attempt, extract(epoch FROM now() - created_at)::float8,
       extract(epoch FROM now() - run_at)::float8, coalesce(last_error, '')
FROM jobs
WHERE state = :state AND (CAST(:kind AS text) IS NULL OR kind = :kind) AND key > :after
ORDER BY key LIMIT :most
""")

HASTEN = text("UPDATE jobs SET run_at = now() WHERE key = :key AND state = 'READY' AND run_at > now()")


def enqueue(tx: Connection, new: Sequence[NewJob]) -> None:
    """Add jobs in the caller's transaction; those whose key is already there are left as they are."""
    if new:
        tx.execute(ENQUEUE, values(new))


def values(new: Sequence[NewJob]) -> dict[str, list[Any]]:
    """The parameters of ENQUEUE, for who makes it a part of another statement."""
    ordered = sorted(new, key=lambda job: job.key)  # one order for all transactions: no deadlock on the unique key
    return {
        "kinds": [job.kind for job in ordered],
        "keys": [job.key for job in ordered],
        "args": [json.dumps(job.args) for job in ordered],
        "delays_s": [float(job.delay_s) for job in ordered],
    }


def claim(tx: Connection, limits: dict[str, int], most: int, worker: str, lease_s: float) -> list[Job]:
    """Take due jobs nobody else holds, the longest due first within a kind.

    Args:
        tx: Commit it at once: a claim held open blocks nobody but is seen by nobody.
        limits: For each kind, how many at most; kinds named first are served first.
        most: How many at most in all.
        worker: Who takes them.
        lease_s: How long they are the worker's.
    """
    rows = tx.execute(
        CLAIM_READY,
        {"kinds": list(limits), "limits": list(limits.values()), "most": most, "worker": worker, "lease_s": lease_s},
    )
    return _jobs(rows)


def claim_stale(tx: Connection, kinds: Sequence[str], most: int, worker: str, lease_s: float) -> list[Job]:
    """Take over jobs whose owner's lease has ended."""
    rows = tx.execute(CLAIM_STALE, {"kinds": list(kinds), "most": most, "worker": worker, "lease_s": lease_s})
    return _jobs(rows)


def finish(tx: Connection, jobs: Sequence[Job], worker: str) -> set[int]:
    """Delete done jobs; answer the ids of those that were still the worker's. Drop the effect of all others."""
    return _ids(tx.execute(FINISH, _held(jobs, worker)))


def lock(tx: Connection, jobs: Sequence[Job], worker: str) -> set[int]:
    """Hold the rows of jobs until the transaction ends; answer the ids of those that are still the worker's."""
    return _ids(tx.execute(LOCK, _held(jobs, worker)))


def extend(tx: Connection, jobs: Sequence[Job], worker: str, lease_s: float) -> set[int]:
    """Prolong the leases; answer the ids of those that were still the worker's and that nobody is just ending."""
    return _ids(tx.execute(EXTEND, {**_held(jobs, worker), "lease_s": lease_s}))


def reschedule(tx: Connection, jobs: Sequence[Job], worker: str, delay_s: float) -> set[int]:
    """Make periodic jobs due again, their attempts excused; answer the ids of those that were still the worker's."""
    return _ids(tx.execute(RESCHEDULE, {**_held(jobs, worker), "delay_s": delay_s}))


def retry(tx: Connection, failures: Sequence[Failure], worker: str) -> set[int]:
    """Give failed jobs back; answer the ids of those that were still the worker's."""
    values = {
        **_held([failure.job for failure in failures], worker),
        "errors": [failure.error for failure in failures],
        "excused": [int(failure.excused) for failure in failures],
        "delays_s": [failure.delay_s for failure in failures],
    }
    return _ids(tx.execute(RETRY, values))


def park(tx: Connection, failures: Sequence[Failure], worker: str) -> set[int]:
    """Set jobs aside for a person to look at; answer the ids of those that were still the worker's."""
    values = {
        **_held([failure.job for failure in failures], worker),
        "errors": [failure.error for failure in failures],
    }
    return _ids(tx.execute(PARK, values))


def replay(tx: Connection, keys: Sequence[str]) -> int:
    """Make parked jobs due with all their attempts before them; answer how many there were."""
    return len(_ids(tx.execute(REPLAY, {"keys": list(keys)})))


def list_waiting(tx: Connection, state: str, kind: str | None, after: str, most: int) -> list[Waiting]:
    """Jobs in a state, by key, those after a key; of every kind if None."""
    values = {"state": state, "kind": kind, "after": after, "most": most}
    return [Waiting(*row) for row in tx.execute(LIST, values)]


def hasten(tx: Connection, key: str) -> None:
    """Make a waiting job due now."""
    tx.execute(HASTEN, {"key": key})


def backoff_s(failures: int, chance: float | None = None, *, first_s: float = 0.5, most_s: float = 60) -> float:
    """How long to wait after so many failures: exponential with full jitter.

    Args:
        failures: How many there were, at least 1.
        chance: Between 0 and 1; random if None.
        first_s: The longest wait after the first failure.
        most_s: The longest wait ever.
    """
    longest = min(most_s, first_s * 2.0 ** min(failures - 1, 32))
    drawn = random.random() if chance is None else chance  # noqa: S311 -- spreads load, guards nothing
    return longest * drawn


def _held(jobs: Sequence[Job], worker: str) -> dict[str, Any]:
    """What the fence compares."""
    return {"ids": [job.id for job in jobs], "attempts": [job.attempt for job in jobs], "worker": worker}


def _ids(rows: Iterable[Sequence[Any]]) -> set[int]:
    """The first column."""
    return {row[0] for row in rows}


def _jobs(rows: Iterable[Sequence[Any]]) -> list[Job]:
    """Claimed rows as values, oldest first."""
    return sorted((Job(*row) for row in rows), key=lambda job: job.id)
