"""Statements over reviews and recommendations."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from review_service.domain import (
    Application,
    Assignment,
    Choice,
    Decision,
    OpenReviews,
    Place,
    Review,
    ReviewNotFound,
    State,
)

_APPLICATION = "loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes"
_REVIEW = f"""{_APPLICATION}, state, opened_at, assigned_agent_id, assigned_at, decision, decided_by_agent_id,
    decision_reason_codes, decision_comment"""
_RECOMMENDED_BY = """ARRAY(
    SELECT CAST(substr(actor, 7) AS int) FROM review_steps
    WHERE review_steps.loan_id = reviews.loan_id AND kind = 'RECOMMENDED' ORDER BY number
)"""

# Rows are given in the order of the loans' ids, here and wherever many are locked: no deadlock. Lists cannot be nested
# in an SQL array when their lengths differ: reason codes travel joined by commas.
INSERT_REVIEWS = text(f"""
INSERT INTO reviews ({_APPLICATION}, customer_exposure, state, opened_at, due_at)
SELECT loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type,
       string_to_array(reason_codes, ','), loan_amount, 'OPEN', now(), now() + interval '1 day'
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:names AS text[]), CAST(:phones AS text[]), CAST(:amounts AS numeric[]),
            CAST(:currencies AS text[]), CAST(:types AS text[]), CAST(:reason_codes AS text[])) AS new ({_APPLICATION})
ON CONFLICT (loan_id) DO NOTHING
RETURNING loan_id
""")  # noqa: S608 -- constants of this module

INSERT_CANCELLED_REVIEWS = text("""
INSERT INTO reviews (loan_id, state, cancelled_at)
SELECT loan_id, 'CANCELLED', now() FROM unnest(CAST(:loan_ids AS uuid[])) AS new (loan_id)
ON CONFLICT (loan_id) DO NOTHING
""")

LOCK_REVIEW = text(f"SELECT {_REVIEW} FROM reviews WHERE loan_id = :loan_id FOR UPDATE")  # noqa: S608 -- constants

# A statement of its own after the lock: within it, it would read what was true before the lock was granted.
LIST_RECOMMENDERS = text("""
SELECT CAST(substr(actor, 7) AS int) FROM review_steps
WHERE loan_id = :loan_id AND kind = 'RECOMMENDED' ORDER BY number
""")

# A row that somebody else holds is just being cancelled. Whoever assigns may hold agents already, so it never waits.
LOCK_WAITING_REVIEWS = text(f"""
SELECT {_APPLICATION} FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NULL
ORDER BY opened_at, loan_id LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 -- constants of this module

# Read at every look at the metrics: no more than so many entries of the two partial indexes.
COUNT_OPEN_REVIEWS = text("""
SELECT (SELECT count(*) FROM (
           SELECT FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NOT NULL LIMIT :most
       ) AS assigned),
       (SELECT count(*) FROM (
           SELECT FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NULL LIMIT :most
       ) AS unassigned),
       extract(epoch FROM now() - least(now(), (
           SELECT min(opened_at) FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NULL
       )))::float8
""")

UPDATE_ASSIGNED = text("""
UPDATE reviews
SET assigned_agent_id = agents.agent_id, assignment_number = assignment_number + 1, step_number = step_number + 1,
    assigned_at = now()
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:agent_ids AS int[])) AS given (loan_id, agent_id)
     JOIN agents ON agents.agent_id = given.agent_id
WHERE reviews.loan_id = given.loan_id AND state = 'OPEN'
RETURNING reviews.loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes,
          assigned_agent_id, agents.name, agents.manager_id, assignment_number
""")

UPDATE_DECIDED = text("""
UPDATE reviews
SET state = 'DECIDED', decision = :decision, decided_by_agent_id = :agent_id, decision_reason_codes = :reason_codes,
    decision_comment = :comment, decided_at = now(),
    decision_right = CASE WHEN assigned_agent_id = :agent_id THEN 'RIGHT_OF_ASSIGNEE' ELSE 'RIGHT_OF_MANAGER' END
WHERE loan_id = :loan_id AND state = 'OPEN'
""")

# The lock comes first and the counts after it, so that the agents are locked in their own order.
LOCK_OPEN_REVIEWS = text("""
SELECT loan_id, assigned_agent_id FROM reviews
WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND state = 'OPEN'
ORDER BY loan_id FOR UPDATE
""")

UPDATE_CANCELLED = text("""
UPDATE reviews SET state = 'CANCELLED', cancelled_at = now()
WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND state = 'OPEN'
""")

UPDATE_VOIDED = text("""
WITH decided AS MATERIALIZED (
    SELECT loan_id FROM reviews
    WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND state = 'DECIDED'
    ORDER BY loan_id FOR UPDATE
)
UPDATE reviews SET state = 'CANCELLED', cancelled_at = now() FROM decided WHERE reviews.loan_id = decided.loan_id
""")

INSERT_RECOMMENDATION = text("""
WITH numbered AS (
    UPDATE reviews SET step_number = step_number + 1 WHERE loan_id = :loan_id RETURNING loan_id, step_number
)
INSERT INTO review_steps (loan_id, number, kind, occurred_at, actor, step_right, reason_codes, comment)
SELECT loan_id, step_number, 'RECOMMENDED', now(), 'agent:' || :agent_id, 'RIGHT_OF_ASSIGNEE', :reason_codes, :comment
FROM numbered
""")

LIST_OPEN_REVIEWS = text(f"""
SELECT {_REVIEW}, {_RECOMMENDED_BY} AS recommended_by FROM reviews
WHERE assigned_agent_id = :agent_id AND state = 'OPEN'
ORDER BY opened_at, loan_id LIMIT :size
""")  # noqa: S608 -- constants of this module

LIST_OPEN_REVIEWS_AFTER = text(f"""
SELECT {_REVIEW}, {_RECOMMENDED_BY} AS recommended_by FROM reviews
WHERE assigned_agent_id = :agent_id AND state = 'OPEN' AND (opened_at, loan_id) > (:opened_at, :loan_id)
ORDER BY opened_at, loan_id LIMIT :size
""")  # noqa: S608 -- constants of this module


def insert_reviews(tx: Connection, applications: Sequence[Application]) -> set[UUID]:
    """Open reviews; answer those that are new: the others were opened, or cancelled, before."""
    ordered = sorted(applications, key=lambda application: application.loan_id)
    rows = tx.execute(
        INSERT_REVIEWS,
        {
            "loan_ids": [application.loan_id for application in ordered],
            "names": [application.customer_name for application in ordered],
            "phones": [application.customer_phone for application in ordered],
            "amounts": [application.loan_amount for application in ordered],
            "currencies": [application.currency_code for application in ordered],
            "types": [application.loan_type for application in ordered],
            "reason_codes": [",".join(application.reason_codes) for application in ordered],
        },
    )
    return {row.loan_id for row in rows}


def insert_cancelled_reviews(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Remember that reviews must not be opened; those that were opened already are left as they are."""
    tx.execute(INSERT_CANCELLED_REVIEWS, {"loan_ids": sorted(loan_ids)})


def lock_review(tx: Connection, loan_id: UUID) -> Review:
    """One review, locked until the transaction ends.

    Raises:
        ReviewNotFound: There is none.
    """
    row = tx.execute(LOCK_REVIEW, {"loan_id": loan_id}).one_or_none()
    if row is None:
        raise ReviewNotFound(f"there is no review of loan {loan_id}")
    return _review(row, tuple(tx.scalars(LIST_RECOMMENDERS, {"loan_id": loan_id})))


def lock_waiting_reviews(tx: Connection, most: int) -> list[Application]:
    """Open reviews that are assigned to nobody, oldest first."""
    return [_application(row) for row in tx.execute(LOCK_WAITING_REVIEWS, {"most": most})]


def update_assigned(tx: Connection, given: Mapping[UUID, int]) -> list[Assignment]:
    """Assign open reviews to agents, which the caller has locked or only just inserted."""
    rows = tx.execute(UPDATE_ASSIGNED, {"loan_ids": list(given), "agent_ids": list(given.values())})
    return [
        Assignment(_application(row), row.assigned_agent_id, row.name, row.manager_id, row.assignment_number)
        for row in rows
    ]


def update_decided(tx: Connection, loan_id: UUID, decision: Decision) -> None:
    """End an open review with a decision."""
    tx.execute(UPDATE_DECIDED, {**_because(loan_id, decision), "decision": str(decision.choice)})


def update_cancelled(tx: Connection, loan_ids: Iterable[UUID]) -> Counter[int]:
    """End open reviews without a decision; answer how many were assigned to each agent."""
    locked = tx.execute(LOCK_OPEN_REVIEWS, {"loan_ids": list(loan_ids)}).all()
    tx.execute(UPDATE_CANCELLED, {"loan_ids": [row.loan_id for row in locked]})
    return Counter(row.assigned_agent_id for row in locked if row.assigned_agent_id is not None)


def update_voided(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Cancel decided reviews whose decision came too late."""
    tx.execute(UPDATE_VOIDED, {"loan_ids": list(loan_ids)})


def insert_recommendation(tx: Connection, loan_id: UUID, decision: Decision) -> None:
    """Remember an approval above its agent's limit; the first one of each agent counts."""
    tx.execute(INSERT_RECOMMENDATION, _because(loan_id, decision))


def count_open_reviews(tx: Connection, most: int) -> OpenReviews:
    """How many reviews are to be decided; counting ends at so many."""
    return OpenReviews(*tx.execute(COUNT_OPEN_REVIEWS, {"most": most}).one())


def list_open_reviews(tx: Connection, agent_id: int, *, after: Place | None, size: int) -> list[Review]:
    """The queue of an agent, oldest first, after a place in it."""
    values: dict[str, Any] = {"agent_id": agent_id, "size": size}
    if after is None:
        rows = tx.execute(LIST_OPEN_REVIEWS, values)
    else:
        place = {"opened_at": after.opened_at, "loan_id": after.loan_id}
        rows = tx.execute(LIST_OPEN_REVIEWS_AFTER, values | place)
    return [_review(row, tuple(row.recommended_by)) for row in rows]


def _because(loan_id: UUID, decision: Decision) -> dict[str, Any]:
    return {
        "loan_id": loan_id,
        "agent_id": decision.agent_id,
        "reason_codes": list(decision.reason_codes),
        "comment": decision.comment,
    }


def _application(row: Row[Any]) -> Application:
    amount: Decimal = row.loan_amount
    return Application(
        row.loan_id,
        row.customer_name,
        row.customer_phone,
        amount,
        row.currency_code,
        row.loan_type,
        tuple(row.reason_codes),
    )


def _review(row: Row[Any], recommended_by: tuple[int, ...]) -> Review:
    return Review(
        loan_id=row.loan_id,
        state=State(row.state),
        application=None if row.opened_at is None else _application(row),
        opened_at=row.opened_at,
        assigned_agent_id=row.assigned_agent_id,
        assigned_at=row.assigned_at,
        recommended_by=recommended_by,
        decision=None if row.decision is None else _decision(row),
    )


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        row.decided_by_agent_id, Choice(row.decision), tuple(row.decision_reason_codes), row.decision_comment
    )
