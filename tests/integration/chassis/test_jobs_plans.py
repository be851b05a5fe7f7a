"""That the statements on jobs cost the same however many jobs there are."""

from typing import Any

import pytest
from sqlalchemy import TextClause, text

from chassis import jobs
from tests.integration.chassis.workshop import Workshop

FILL = text("""
INSERT INTO jobs (kind, key, args, state, worker, lease_until, last_error, attempt, run_at)
SELECT CASE number % 4 WHEN 0 THEN 'bake' ELSE 'fry' END, 'job ' || number, '{}', state,
       CASE state WHEN 'LEASED' THEN 'ada' END, CASE state WHEN 'LEASED' THEN now() + interval '1 hour' END,
       CASE state WHEN 'PARKED' THEN 'burnt' END, 1, now() + number % 7 * interval '1 minute'
FROM generate_series(1, 20000) AS number, LATERAL (
    SELECT CASE WHEN number % 100 < 2 THEN 'LEASED' WHEN number % 100 < 50 THEN 'PARKED' ELSE 'READY' END
) AS chosen (state)
""")
HELD = {"ids": list(range(1, 101)), "attempts": [1] * 100, "worker": "ada"}
CLAIM = {"most": 100, "worker": "ada", "lease_s": 30.0}
FAILED = {**HELD, "errors": ["burnt"] * 100}
STATEMENTS: dict[str, tuple[TextClause, dict[str, Any]]] = {
    "claim": (jobs.CLAIM_READY, {**CLAIM, "kinds": ["bake", "fry"], "limits": [100, 100]}),
    "claim_stale": (jobs.CLAIM_STALE, {**CLAIM, "kinds": ["bake", "fry"]}),
    "finish": (jobs.FINISH, HELD),
    "lock": (jobs.LOCK, HELD),
    "extend": (jobs.EXTEND, {**HELD, "lease_s": 30.0}),
    "reschedule": (jobs.RESCHEDULE, {**HELD, "delay_s": 30.0}),
    "retry": (jobs.RETRY, {**FAILED, "excused": [0] * 100, "delays_s": [None] * 100}),
    "park": (jobs.PARK, FAILED),
    "replay": (jobs.REPLAY, {"keys": ["job 50"]}),
    "hasten": (jobs.HASTEN, {"key": "job 50"}),
}


def explained(workshop: Workshop, name: str) -> str:
    """How the database goes about a statement when there are many jobs."""
    workshop.do(lambda tx: tx.execute(FILL))
    workshop.do(lambda tx: tx.execute(text("ANALYZE jobs")))
    statement, values = STATEMENTS[name]
    return workshop.do(lambda tx: "\n".join(tx.scalars(text(f"EXPLAIN {statement.text}"), values)))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claim", "jobs_ready_index"),
        ("claim_stale", "jobs_leased_index"),
        ("finish", "jobs_pkey"),
        ("lock", "jobs_pkey"),
        ("extend", "jobs_pkey"),
        ("reschedule", "jobs_pkey"),
        ("retry", "jobs_pkey"),
        ("park", "jobs_pkey"),
        ("replay", "jobs_key_key"),
        ("hasten", "jobs_key_key"),
    ],
)
def test_no_statement_reads_the_whole_table(workshop: Workshop, name: str, index: str) -> None:
    plan = explained(workshop, name)
    assert index in plan
    assert "Seq Scan on jobs" not in plan


def test_the_longest_due_are_found_without_sorting_the_rest(workshop: Workshop) -> None:
    assert "Sort" not in explained(workshop, "claim")


def heap_only_updates(workshop: Workshop) -> tuple[int, int]:
    """How many rows were updated, and how many of them without touching an index."""
    workshop.do(lambda tx: tx.execute(text("SELECT pg_stat_force_next_flush()")))
    counted = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = CAST('jobs' AS regclass)")
    updated, heap_only = workshop.do(lambda tx: tx.execute(counted).one())
    return updated, heap_only


def test_prolonging_leases_touches_no_index(workshop: Workshop) -> None:
    workshop.put_many(20)
    held = workshop.claim()
    updated, heap_only = heap_only_updates(workshop)
    workshop.do(lambda tx: jobs.extend(tx, held, "ada", 60))
    assert heap_only_updates(workshop) == (updated + 20, heap_only + 20)
