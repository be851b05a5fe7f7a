"""Many loans with all that belongs to them, made by PostgreSQL itself: what years of work would have left.

Jobs that are done leave no row, so there are none. Reviews and messages are not made: other services own them.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, TextClause, text

Statement = str | TextClause

CHUNK = 50_000
"""How many loans are made in one transaction; their events get its id, so that ids rise with time."""

AWAY = {
    "loans_customer_phone_index": "loan.loans (customer_phone, loan_id)",
    "loans_status_index": "loan.loans (status, loan_id)",
    "loan_events_watch_index": "loan.loan_events (transaction, loan_id, version)",
}
"""Indexes that are built at the end: sorting all at once is several times faster than inserting one by one."""

# One loan a second, the last one just now. Three of five are approved, one is rejected, one was decided by an agent.
# Their events are sealed as the service seals them, each over the hash of the one before it.
INSERT_LOANS = text("""
WITH RECURSIVE thought AS MATERIALIZED (
    SELECT CAST(ROW (uuidv7(age), 'Customer ' || customer, '+1' || 2012000000 + customer,
                CASE outcome WHEN 'REJECTED_BY_SYSTEM' THEN 600000 WHEN 'APPROVED_BY_AGENT' THEN 25000 ELSE 5000.50 END,
                'USD', 'HOME', outcome, CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 5 ELSE 3 END, at, at, at,
                CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 3 END,
                CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 1 ELSE 0 END,
                ARRAY['AMOUNT_BELOW_REVIEW_THRESHOLD'], NULL, uuid_send(gen_random_uuid())) AS loan.loans) AS loan
    FROM (SELECT make_interval(secs => number - :total) AS age, now() + make_interval(secs => number - :total) AS at,
                 (number * 7919) % :customers AS customer,
                 (ARRAY['APPROVED_BY_SYSTEM', 'APPROVED_BY_SYSTEM', 'APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM',
                        'APPROVED_BY_AGENT'])[1 + number % 5] AS outcome
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number) AS drawn
), happened AS MATERIALIZED (
    SELECT loan, (loan).loan_id, step.version,
           CAST(ROW ((loan).loan_id, step.version, kind, from_status,
                coalesce(to_status, (loan).status), (loan).created_at, actor,
                CASE WHEN to_status IS NULL THEN (loan).reason_codes ELSE '{}' END, '', agent,
                pg_current_xact_id(), NULL, NULL, NULL, NULL, '',
                CASE WHEN step.version > 1 THEN ''::bytea END, NULL) AS loan.loan_events) AS event
    FROM thought,
         LATERAL (VALUES (1, 'SUBMITTED', NULL, 'APPLIED', 'customer', NULL::int, 1),
                         (2, 'ASSESSMENT_STARTED', 'APPLIED', 'PROCESSING', 'system', NULL, 1),
                         (3, 'DECIDED', 'PROCESSING', NULL, 'system', NULL, 3),
                         (3, 'REFERRED', 'PROCESSING', 'UNDER_REVIEW', 'system', NULL, 5),
                         (4, 'ASSIGNED', 'UNDER_REVIEW', 'UNDER_REVIEW', 'system', 3, 5),
                         (5, 'DECIDED', 'UNDER_REVIEW', NULL, 'agent:3', NULL, 5))
                 AS step (version, kind, from_status, to_status, actor, agent, of_length)
    WHERE step.of_length IN (1, (loan).version)
), digested AS MATERIALIZED (
    SELECT loan, loan_id, version, jsonb_populate_record(
               event, jsonb_build_object('personal_digest', loan.personal_digest(event, loan))) AS event
    FROM happened
), sealed AS (
    SELECT loan, loan_id, version, event, loan.event_hash(loan.chain_start(loan_id), event, loan) AS hash
    FROM digested WHERE version = 1
    UNION ALL
    SELECT next.loan, next.loan_id, next.version, next.event, loan.event_hash(sealed.hash, next.event, next.loan)
    FROM sealed JOIN digested AS next ON next.loan_id = sealed.loan_id AND next.version = sealed.version + 1
), stored AS (
    INSERT INTO loan.loans
    SELECT (jsonb_populate_record(loan, jsonb_build_object('event_hash', hash))).* FROM sealed
    WHERE version = (loan).version
)
INSERT INTO loan.loan_events
SELECT (jsonb_populate_record(event, jsonb_build_object('hash', hash))).* FROM sealed
""")

INSERT_STATUS_COUNTS = text("""
INSERT INTO loan.status_counts (shard, status, count) SELECT 0, status, count(*) FROM loan.loans GROUP BY status
""")

INSERT_CUSTOMER_TOTALS = text("""
INSERT INTO loan.customer_totals (customer_phone, customer_name, approved_loan_count, total_approved_amount)
SELECT customer_phone, min(customer_name), count(*), sum(loan_amount) FROM loan.loans
WHERE status LIKE 'APPROVED%' GROUP BY customer_phone
""")

SIZES = text("""
SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
WHERE relnamespace = 'loan'::regnamespace AND relkind = 'r' AND pg_table_size(oid) > 1e5
ORDER BY pg_total_relation_size(oid) DESC
""")


def make(engine: Engine, total: int) -> None:
    """Fill an empty loan schema with so many loans, three loans a customer, their histories and the counters.

    Args:
        engine: Connections of the owner: foreign keys, which hold by the way the rows are made, are not checked.
        total: How many.
    """
    _run(engine, *(f"DROP INDEX loan.{index}" for index in AWAY))
    customers = max(1, total // 3)

    def make_chunk(first: int) -> None:
        last = min(first + CHUNK - 1, total)
        chunk = INSERT_LOANS.bindparams(first=first, last=last, total=total, customers=customers)
        _run(engine, "SET LOCAL session_replication_role = replica", "SET LOCAL synchronous_commit = off", chunk)

    def complete(*statements: Statement) -> None:
        _run(engine, "SET LOCAL work_mem = '256MB'", "SET LOCAL maintenance_work_mem = '1GB'", *statements)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(make_chunk, range(1, total + 1, CHUNK)))
        builds = [f"CREATE INDEX {index} ON {columns}" for index, columns in AWAY.items()]
        list(threads.map(complete, [*builds, INSERT_STATUS_COUNTS, INSERT_CUSTOMER_TOTALS]))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as session:
        session.execute(text("VACUUM ANALYZE"))
        session.execute(text("CHECKPOINT"))  # what was written without waiting is on the disk now


def sizes(engine: Engine) -> str:
    """How big the tables and their indexes are, in words."""
    with engine.connect() as session:
        tables = session.execute(SIZES).tuples().all()
    return ", ".join(f"{name} {table / 2**30:.2f} GiB and indexes {index / 2**30:.2f}" for name, table, index in tables)


def _run(engine: Engine, *statements: Statement) -> None:
    """Run statements in one transaction."""
    with engine.begin() as tx:
        for statement in statements:
            tx.execute(text(statement) if isinstance(statement, str) else statement)
