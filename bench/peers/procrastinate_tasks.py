"""The automated decision as a procrastinate task, a transaction each: `python -m bench.peers.procrastinate_tasks`.

It prints when it is done, in seconds since it began to take jobs. The database is that of PEER_DATABASE_URL.
"""

import asyncio
import os
import time
from datetime import UTC, datetime

import uvloop
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from bench.peers.pgqueuer_tasks import INSERT_EVENTS, LOCK, UPDATE, outcome

CONCURRENCY = 10
DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', %s, 0, NULL, NULL, jsonb_build_object('loan_id', %s::text),
       NULL)]::procrastinate_job_to_defer_v1[])
"""


def _numbered(statement: str) -> str:
    """The statement with psycopg's placeholders, by name."""
    for number in range(1, 6):
        statement = statement.replace(f"${number}", f"%(v{number})s")
    return statement


def _values(*values: object) -> dict[str, object]:
    return {f"v{number}": value for number, value in enumerate(values, start=1)}


async def run() -> float:
    """Do all jobs; the seconds it took."""
    url = os.environ["PEER_DATABASE_URL"]
    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=20))
    pool = AsyncConnectionPool(url, min_size=CONCURRENCY, max_size=CONCURRENCY, open=False)

    @app.task(name="decide", queue="decisions")
    async def decide(loan_id: str) -> None:
        async with pool.connection() as connection, connection.transaction():
            found = await connection.execute(_numbered(LOCK), _values(loan_id))
            row = await found.fetchone()
            if row is None:
                return
            amount, version = row
            status, kind, follow_up = outcome(amount)
            codes = ["AMOUNT_BELOW_REVIEW_THRESHOLD"]
            decided_at = None if status == "UNDER_REVIEW" else datetime.now(UTC)
            await connection.execute(_numbered(UPDATE), _values(loan_id, status, decided_at, codes))
            await connection.execute(_numbered(INSERT_EVENTS), _values(loan_id, version, kind, status, codes))
            await connection.execute(DEFER, (follow_up, loan_id))

    async with pool, app.open_async():
        begun = time.perf_counter()
        await app.run_worker_async(
            queues=["decisions"], concurrency=CONCURRENCY, wait=False, listen_notify=False, delete_jobs="successful"
        )
        return time.perf_counter() - begun


if __name__ == "__main__":
    print(uvloop.run(asyncio.wait_for(run(), 300)))
