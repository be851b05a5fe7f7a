"""Many loans with all that belongs to them, made by PostgreSQL itself: what years of work would have left."""

from sqlalchemy import Engine, text

CHUNK = 250_000

# One loan a second, the last one just now. Three of five are approved, one is rejected, one was decided by an agent.
INSERT_LOANS = text("""
INSERT INTO loan.loans (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                        created_at, updated_at, decided_at, assigned_agent_id, review_step_number, reason_codes)
SELECT uuidv7(age), 'Customer ' || (number % :customers), '+1' || 2012000000 + number % :customers,
       CASE outcome WHEN 'REJECTED_BY_SYSTEM' THEN 600000 WHEN 'APPROVED_BY_AGENT' THEN 25000 ELSE 5000.50 END,
       'USD', 'HOME', outcome, CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 5 ELSE 3 END, at, at, at,
       CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 3 END, CASE outcome WHEN 'APPROVED_BY_AGENT' THEN 1 ELSE 0 END,
       ARRAY['AMOUNT_BELOW_REVIEW_THRESHOLD']
FROM (SELECT number, make_interval(secs => number - :total) AS age,
             now() + make_interval(secs => number - :total) AS at,
             (ARRAY['APPROVED_BY_SYSTEM', 'APPROVED_BY_SYSTEM', 'APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM',
                    'APPROVED_BY_AGENT'])[1 + number % 5] AS outcome
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number) AS made
""")

INSERT_EVENTS = text("""
INSERT INTO loan.loan_events (loan_id, version, kind, from_status, to_status, occurred_at, actor, assigned_agent_id)
SELECT loan_id, step.version, kind, from_status, coalesce(to_status, status), created_at, actor, agent
FROM loan.loans,
     LATERAL (VALUES (1, 'SUBMITTED', NULL, 'APPLIED', 'customer', NULL::int, 1),
                     (2, 'ASSESSMENT_STARTED', 'APPLIED', 'PROCESSING', 'system', NULL, 1),
                     (3, 'DECIDED', 'PROCESSING', NULL, 'system', NULL, 3),
                     (3, 'REFERRED', 'PROCESSING', 'UNDER_REVIEW', 'system', NULL, 5),
                     (4, 'ASSIGNED', 'UNDER_REVIEW', 'UNDER_REVIEW', 'system', 3, 5),
                     (5, 'DECIDED', 'UNDER_REVIEW', NULL, 'agent:3', NULL, 5))
             AS step (version, kind, from_status, to_status, actor, agent, of_length)
WHERE step.of_length IN (1, loans.version)
""")

INSERT_STATUS_COUNTS = text("""
INSERT INTO loan.status_counts (shard, status, count) SELECT 0, status, count(*) FROM loan.loans GROUP BY status
""")

INSERT_CUSTOMER_TOTALS = text("""
INSERT INTO loan.customer_totals (customer_phone, customer_name, approved_loan_count, total_approved_amount)
SELECT customer_phone, min(customer_name), count(*), sum(loan_amount) FROM loan.loans
WHERE status LIKE 'APPROVED%' GROUP BY customer_phone
""")


def make(engine: Engine, total: int) -> None:
    """Fill an empty loan schema with so many loans, three loans a customer, their histories and the counters.

    Args:
        engine: Connections of the owner: foreign keys, which hold by the way the rows are made, are not checked.
        total: How many.
    """
    with engine.begin() as tx:
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        tx.execute(text("SET LOCAL work_mem = '256MB'"))
        for first in range(1, total + 1, CHUNK):
            last = min(first + CHUNK - 1, total)
            values = {"first": first, "last": last, "total": total, "customers": max(1, total // 3)}
            tx.execute(INSERT_LOANS, values)
        for statement in (INSERT_EVENTS, INSERT_STATUS_COUNTS, INSERT_CUSTOMER_TOTALS):
            tx.execute(statement)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as session:
        session.execute(text("VACUUM ANALYZE"))
