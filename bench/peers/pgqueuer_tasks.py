"""The automated decision as a pgqueuer task, a transaction each, and a task that does nothing.

Run with `python -m bench.peers.pgqueuer_tasks`; it prints when it is done, in seconds since it began to take jobs.
The database is that of PEER_DATABASE_URL; the jobs, of one kind, are in it already.
"""

import asyncio
import os
import time
from datetime import timedelta
from uuid import UUID

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

LOCK = "SELECT loan_amount, version FROM loans WHERE loan_id = $1 AND status = 'APPLIED' FOR UPDATE"
UPDATE = """
UPDATE loans SET status = $2, version = version + 2, updated_at = now(), decided_at = $3, reason_codes = $4
WHERE loan_id = $1
"""
INSERT_EVENTS = """
INSERT INTO loan_events (loan_id, version, kind, from_status, to_status, occurred_at, actor, reason_codes)
VALUES ($1, $2 + 1, 'ASSESSMENT_STARTED', 'APPLIED', 'PROCESSING', now(), 'system', '{}'),
       ($1, $2 + 2, $3, 'PROCESSING', $4, now(), 'system', $5)
"""


def outcome(amount: float) -> tuple[str, str, str]:
    """Status, kind of event and follow-up for an amount."""
    if amount < 10_000:
        return "APPROVED_BY_SYSTEM", "DECIDED", "notify_customer"
    if amount > 500_000:
        return "REJECTED_BY_SYSTEM", "DECIDED", "notify_customer"
    return "UNDER_REVIEW", "REFERRED", "open_review"


async def run() -> float:
    """Do all jobs; the seconds it took."""
    async with asyncpg.create_pool(os.environ["PEER_DATABASE_URL"], min_size=10, max_size=10) as pool:
        queue = PgQueuer(AsyncpgPoolDriver(pool))

        @queue.entrypoint("nothing")
        async def nothing(_: Job) -> None:
            """Do nothing."""

        @queue.entrypoint("decide")
        async def decide(job: Job) -> None:
            loan_id = UUID((job.payload or b"").decode())
            async with pool.acquire() as connection, connection.transaction():
                row = await connection.fetchrow(LOCK, loan_id)
                if row is None:
                    return
                status, kind, follow_up = outcome(row["loan_amount"])
                decided_at = None if status == "UNDER_REVIEW" else job.created
                codes = ["AMOUNT_BELOW_REVIEW_THRESHOLD"]
                await connection.execute(UPDATE, loan_id, status, decided_at, codes)
                await connection.execute(INSERT_EVENTS, loan_id, row["version"], kind, status, codes)
                await Queries.from_asyncpg_connection(connection).enqueue(follow_up, str(loan_id).encode())

        begun = time.perf_counter()
        await queue.run(
            dequeue_timeout=timedelta(seconds=1), batch_size=100, mode=QueueExecutionMode.drain,
            max_concurrent_tasks=200,
        )  # fmt: skip
        return time.perf_counter() - begun


if __name__ == "__main__":
    print(uvloop.run(asyncio.wait_for(run(), 300)))
