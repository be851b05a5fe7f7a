"""That the statements of submitting and deciding read as many rows as they are about, however many loans there are."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, TextClause, text

from loan_service.domain import ALL
from loan_service.store import counters, events, keys, loans, sight
from tests.integration.plans import explained

LOANS = 50_000
BATCH = 200
EVERYTHING_SEEN = sight.values(ALL)

FILL_LOANS = text("""
INSERT INTO loans (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                   created_at, updated_at, decided_at, assigned_agent_id, review_step_number, event_hash)
SELECT uuidv7(make_interval(secs => number - :loans)), 'Ada Lovelace', '+1' || 2012000000 + number, 1, 'USD', 'HOME',
       status, 1, now() + make_interval(secs => number - :loans), now(), CASE status WHEN 'EXPIRED' THEN now() END,
       CASE status WHEN 'UNDER_REVIEW' THEN number / 4 % 100 END, (status = 'UNDER_REVIEW')::int, sha256('')
FROM generate_series(1, :loans) AS number,
     LATERAL (SELECT (ARRAY['APPLIED', 'PROCESSING', 'UNDER_REVIEW', 'EXPIRED'])[1 + number % 4]) AS chosen (status)
""")
FILL_EVENTS = text("""
INSERT INTO loan_events (loan_id, version, kind, to_status, occurred_at, actor, personal_digest, hash)
SELECT loan_id, 1, 'SUBMITTED', 'APPLIED', now(), 'customer', '', sha256('') FROM loans
""")
FILL_TOTALS = text("INSERT INTO customer_totals SELECT customer_phone, customer_name, 1, loan_amount FROM loans")
FILL_KEYS = text("""
INSERT INTO idempotency_keys (key, fingerprint, loan_id, created_at)
SELECT customer_phone, '', loan_id, created_at FROM loans
""")
SOME = text("SELECT loan_id FROM loans WHERE status = 'PROCESSING' ORDER BY loan_id DESC LIMIT :batch")


@pytest.fixture(scope="module")
def crowded(owner_engine: Engine, restore: Callable[[str], None]) -> Iterator[Connection]:
    """The tables with many rows in them and no others, until the transaction is rolled back."""
    restore("loan")
    with owner_engine.connect() as tx:
        tx.execute(text("SET search_path TO loan"))
        tx.execute(text("SET jit TO off"))
        tx.execute(FILL_LOANS, {"loans": LOANS})
        for statement in (FILL_EVENTS, FILL_TOTALS, FILL_KEYS, text("ANALYZE")):
            tx.execute(statement)
        yield tx


def rows_read(step: dict[str, Any]) -> float:
    """The rows that a scan looked at, those it dropped included."""
    dropped = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
    read: float = (step["Actual Rows"] + dropped) * step["Actual Loops"]
    return read


def assert_bounded(steps: list[dict[str, Any]], index: str, most: int) -> None:
    scans = [step for step in steps if "Relation Name" in step and "Scan" in step["Node Type"]]
    assert {step["Index Name"] for step in steps if "Index Name" in step} == {index}
    assert [step["Relation Name"] for step in scans if step["Node Type"] == "Seq Scan"] == []
    assert sum(map(rows_read, scans)) <= most


def batch(tx: Connection) -> list[UUID]:
    return list(tx.scalars(SOME, {"batch": BATCH}))


@pytest.mark.parametrize("statement", [loans.LOCK_LOANS, loans.GET_LOANS], ids=["lock", "get"])
def test_loans_are_found_by_their_ids(crowded: Connection, statement: TextClause) -> None:
    steps = explained(crowded, statement, {"loan_ids": batch(crowded), **EVERYTHING_SEEN})
    assert_bounded(steps, "loans_pkey", BATCH)
    assert steps[0]["Actual Rows"] == BATCH


def test_an_update_touches_the_rows_it_names(crowded: Connection) -> None:
    now = datetime.now(UTC)
    values = {
        "loan_ids": batch(crowded),
        "versions_before": [1] * BATCH,
        "statuses": ["EXPIRED"] * BATCH,
        "versions": [2] * BATCH,
        "updated_ats": [now] * BATCH,
        "decided_ats": [now] * BATCH,
        "agent_ids": [None] * BATCH,
        "review_step_numbers": [0] * BATCH,
        "reason_codes": [""] * BATCH,
        "event_hashes": [bytes(32)] * BATCH,
    }
    steps = explained(crowded, loans.UPDATE_LOANS, values)
    assert_bounded(steps, "loans_pkey", BATCH)
    assert steps[0]["Actual Rows"] == BATCH


def test_overdue_reviews_are_found_oldest_first(crowded: Connection) -> None:
    steps = explained(crowded, loans.LOCK_LOANS_TO_EXPIRE, {"age_s": 3_600.0, "most": BATCH})
    assert_bounded(steps, "loans_under_review_index", BATCH)
    assert steps[0]["Actual Rows"] == BATCH


def test_a_history_is_found_by_its_loan(crowded: Connection) -> None:
    (loan_id, *_) = batch(crowded)
    assert_bounded(
        explained(crowded, events.GET_HISTORY, {"loan_id": loan_id, **EVERYTHING_SEEN}), "loan_events_pkey", 1
    )


def test_the_best_customers_are_read_and_no_others(crowded: Connection) -> None:
    steps = explained(crowded, counters.LIST_TOP_CUSTOMERS, {"most": 3})
    assert_bounded(steps, "customer_totals_top_index", 3)


def test_what_customers_owe_is_found_by_their_phones(crowded: Connection) -> None:
    phones = [f"+1{2_012_000_000 + number}" for number in range(1, BATCH + 1)]
    steps = explained(crowded, counters.GET_EXPOSURES, {"phones": phones})
    assert {step["Index Name"] for step in steps if "Index Name" in step} == {
        "customer_totals_pkey",
        "loans_customer_phone_index",
    }
    assert "Seq Scan" not in {step["Node Type"] for step in steps}
    assert sum(rows_read(step) for step in steps if "Relation Name" in step) <= 2 * BATCH
    assert steps[0]["Actual Rows"] == BATCH


def test_idempotency_keys_are_found_by_what_they_are(crowded: Connection) -> None:
    held = {"keys": [f"+1{2_012_000_000 + number}" for number in range(1, BATCH + 1)]}
    assert_bounded(explained(crowded, keys.GET_IDEMPOTENCY_KEYS, held), "idempotency_keys_pkey", BATCH)


@pytest.mark.parametrize(
    ("filters", "index", "most"),
    [
        ({}, "loans_pkey", 11),
        ({"before": UUID(int=2**128 - 1)}, "loans_pkey", 11),
        ({"status": "REJECTED_BY_AGENT"}, "loans_status_index", 0),
        ({"status": "REJECTED_BY_AGENT", "before": UUID(int=2**128 - 1)}, "loans_status_index", 0),
        ({"phone": "+12012000007"}, "loans_customer_phone_index", 1),
        ({"phone": "+12012000007", "before": UUID(int=2**128 - 1)}, "loans_customer_phone_index", 1),
        ({"seen_phone": "+12012000007"}, "loans_customer_phone_index", 2),
        ({"seen_agents": [7, 8, 9]}, "loans_agent_index", 3 * 2 * 11),
        ({"seen_agents": [7, 8, 9], "before": UUID(int=2**128 - 1)}, "loans_agent_index", 3 * 2 * 11),
    ],
)
def test_a_page_reads_what_it_shows(crowded: Connection, filters: dict[str, Any], index: str, most: int) -> None:
    steps = explained(crowded, loans.listing(*filters), {**filters, "size": 11, "skip": 0})
    assert_bounded(steps, index, most)


def test_what_a_watcher_sees_next_is_read_from_the_index_in_its_order(crowded: Connection) -> None:
    values = {"transaction": "1", "loan_id": UUID(int=0), "version": 1, "most": 1000}
    steps = explained(crowded, events.LIST_EVENTS_AFTER, values)
    assert {step.get("Index Name") for step in steps if "Relation Name" in step} == {"loan_events_watch_index"}
    assert "Sort" not in {step["Node Type"] for step in steps}
