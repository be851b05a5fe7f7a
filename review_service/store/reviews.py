"""Statements over reviews.

Rows are locked and written in the order of the loans' ids wherever they are many: no deadlock.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from chassis.personal import Name, Personal, Phone
from review_service.domain import (
    ALL,
    Application,
    Choice,
    Decision,
    Grounds,
    Holder,
    OpenReviews,
    Review,
    ReviewNotFound,
    Right,
    Ruling,
    Sight,
    State,
)
from review_service.store import sight as sights
from review_service.store import steps

_APPLICATION = """loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes,
    customer_exposure"""
COLUMNS = f"""{_APPLICATION}, state, opened_at, due_at, at_top, escalation_count, step_number, assigned_agent_id,
    on_behalf_of_agent_id, assignment_number, assigned_at, first_approved_by_agent_id, decision, decided_by_agent_id,
    decision_reason_codes, decision_comment, decision_right, decision_on_behalf_of_agent_id, decision_limit,
    decision_exposure, decision_subject"""

GET_TIME = text("SELECT clock_timestamp()")

# Lists cannot be nested in an SQL array when their lengths differ: reason codes travel joined by commas.
INSERT_REVIEWS = text(f"""
INSERT INTO reviews ({_APPLICATION}, state, opened_at, due_at)
SELECT loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type,
       string_to_array(reason_codes, ','), customer_exposure, 'OPEN', opened_at, due_at
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:names AS text[]), CAST(:phones AS text[]), CAST(:amounts AS numeric[]),
            CAST(:currencies AS text[]), CAST(:types AS text[]), CAST(:reason_codes AS text[]),
            CAST(:exposures AS numeric[]), CAST(:opened_ats AS timestamptz[]), CAST(:due_ats AS timestamptz[]))
     AS new ({_APPLICATION}, opened_at, due_at)
ON CONFLICT (loan_id) DO NOTHING
RETURNING loan_id
""")  # noqa: S608 -- constants of this module

INSERT_CANCELLED_REVIEWS = text("""
INSERT INTO reviews (loan_id, state, cancelled_at)
SELECT loan_id, 'CANCELLED', now() FROM unnest(CAST(:loan_ids AS uuid[])) AS new (loan_id)
ON CONFLICT (loan_id) DO NOTHING
""")

LOCK_REVIEW = text(f"""
SELECT {COLUMNS} FROM reviews WHERE loan_id = :loan_id AND {sights.REVIEW_IS_SEEN} FOR UPDATE OF reviews
""")  # noqa: S608 -- constants of these modules

LOCK_REVIEWS_OF = text(f"""
SELECT {COLUMNS} FROM reviews WHERE state = 'OPEN' AND assigned_agent_id = ANY (CAST(:agent_ids AS int[]))
ORDER BY loan_id FOR UPDATE
""")  # noqa: S608 -- constants of this module

# A row that somebody else holds is just being cancelled. Whoever assigns may hold agents already, so it never waits.
LOCK_WAITING_REVIEWS = text(f"""
SELECT {COLUMNS} FROM reviews
WHERE state = 'OPEN' AND assigned_agent_id IS NULL AND (:any_type OR loan_type = ANY (CAST(:types AS text[])))
ORDER BY opened_at, loan_id LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 -- constants of this module

# A row that somebody else holds is just being decided, moved or escalated: if it still is overdue, the next time.
LOCK_OVERDUE_REVIEWS = text(f"""
SELECT {COLUMNS} FROM reviews
WHERE state = 'OPEN' AND assigned_agent_id IS NOT NULL AND NOT at_top AND due_at <= :now
ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 -- constants of this module

IS_ANY_WAITING = text("SELECT EXISTS (SELECT 1 FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NULL)")

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

UPDATE_REVIEWS = text("""
UPDATE reviews
SET due_at = new.due_at, at_top = new.at_top, escalation_count = new.escalation_count, step_number = new.step_number,
    assigned_agent_id = new.agent_id, on_behalf_of_agent_id = new.absent_id, assigned_at = new.assigned_at,
    assignment_number = new.assignment_number, first_approved_by_agent_id = new.first_approved_by
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:due_ats AS timestamptz[]), CAST(:at_tops AS bool[]),
            CAST(:escalation_counts AS int[]), CAST(:step_numbers AS int[]), CAST(:agent_ids AS int[]),
            CAST(:absent_ids AS int[]), CAST(:assigned_ats AS timestamptz[]), CAST(:assignment_numbers AS int[]),
            CAST(:first_approvers AS int[]))
     AS new (loan_id, due_at, at_top, escalation_count, step_number, agent_id, absent_id, assigned_at,
             assignment_number, first_approved_by)
WHERE reviews.loan_id = new.loan_id AND state = 'OPEN'
""")

# Those of an agent are locked with them, if the caller is to lock these as well: all in the order of their ids.
UPDATE_NOT_AT_TOP = text("""
WITH held AS MATERIALIZED (
    SELECT loan_id FROM reviews
    WHERE state = 'OPEN' AND assigned_agent_id IS NOT NULL AND (at_top OR assigned_agent_id = :agent_id)
    ORDER BY loan_id FOR UPDATE
)
UPDATE reviews SET at_top = FALSE FROM held WHERE reviews.loan_id = held.loan_id AND at_top
""")

UPDATE_DECIDED = text("""
UPDATE reviews
SET state = 'DECIDED', decision = :decision, decided_by_agent_id = :agent_id, decision_reason_codes = :reason_codes,
    decision_comment = :comment, decision_right = :right, decision_on_behalf_of_agent_id = :absent_id,
    decision_limit = :limit, decision_exposure = :exposure, decision_subject = :subject,
    decided_at = :now
WHERE loan_id = :loan_id AND state = 'OPEN'
""")

LIST_DECIDED = text(f"""
SELECT {COLUMNS} FROM reviews WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND state = 'DECIDED'
""")  # noqa: S608 -- constants of this module

LIST_APPLICATIONS = text(f"""
SELECT {_APPLICATION} FROM reviews WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND opened_at IS NOT NULL
""")  # noqa: S608 -- constants of this module

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


def get_time(tx: Connection) -> datetime:
    """The time by the database's clock: later than whatever happened before the locks that the caller holds."""
    now: datetime = tx.execute(GET_TIME).scalar_one()
    return now


def insert_reviews(tx: Connection, reviews: Iterable[Review]) -> set[UUID]:
    """Open reviews; answer those that are new: the others were opened, or cancelled, before."""
    ordered = sorted(reviews, key=lambda review: review.loan_id)
    applications = [review.known_application for review in ordered]
    rows = tx.execute(
        INSERT_REVIEWS,
        {
            "loan_ids": [application.loan_id for application in applications],
            "names": [application.customer_name for application in applications],
            "phones": [application.customer_phone for application in applications],
            "amounts": [application.loan_amount for application in applications],
            "currencies": [application.currency_code for application in applications],
            "types": [application.loan_type for application in applications],
            "reason_codes": [",".join(application.reason_codes) for application in applications],
            "exposures": [application.customer_exposure for application in applications],
            "opened_ats": [review.opened_at for review in ordered],
            "due_ats": [review.due_at for review in ordered],
        },
    )
    return {row.loan_id for row in rows}


def insert_cancelled_reviews(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Remember that reviews must not be opened; those that were opened already are left as they are."""
    tx.execute(INSERT_CANCELLED_REVIEWS, {"loan_ids": sorted(loan_ids)})


def lock_review(tx: Connection, loan_id: UUID, sight: Sight = ALL) -> Review:
    """One review, locked until the transaction ends.

    Raises:
        ReviewNotFound: There is none in sight.
    """
    locked = _locked(tx, tx.execute(LOCK_REVIEW, {"loan_id": loan_id, **sights.values(sight)}).all())
    if not locked:
        raise ReviewNotFound(f"there is no review of loan {loan_id}")
    return locked[0]


def lock_reviews_of(tx: Connection, agent_ids: Iterable[int]) -> list[Review]:
    """The open reviews that agents have, locked until the transaction ends."""
    return _locked(tx, tx.execute(LOCK_REVIEWS_OF, {"agent_ids": list(agent_ids)}).all())


def lock_waiting_reviews(tx: Connection, types: Collection[str] | None, most: int) -> list[Review]:
    """Open reviews that nobody has and nobody else holds, oldest first, locked until the transaction ends.

    Args:
        tx: The transaction.
        types: Only of loans of these types; None means all.
        most: How many at most.
    """
    values = {"any_type": types is None, "types": sorted(types or ()), "most": most}
    return _locked(tx, tx.execute(LOCK_WAITING_REVIEWS, values).all())


def lock_overdue_reviews(tx: Connection, now: datetime, most: int) -> list[Review]:
    """Open reviews that are due to move up and nobody else holds, the longest due first, locked until the end."""
    return _locked(tx, tx.execute(LOCK_OVERDUE_REVIEWS, {"now": now, "most": most}).all())


def is_any_waiting(tx: Connection) -> bool:
    """Whether there is a review that nobody has."""
    found: bool = tx.execute(IS_ANY_WAITING).scalar_one()
    return found


def update_reviews(tx: Connection, reviews: Sequence[Review]) -> None:
    """Write what became of open reviews that the caller has locked, or only just inserted."""
    tx.execute(
        UPDATE_REVIEWS,
        {
            "loan_ids": [review.loan_id for review in reviews],
            "due_ats": [review.due_at for review in reviews],
            "at_tops": [review.at_top for review in reviews],
            "escalation_counts": [review.escalation_count for review in reviews],
            "step_numbers": [review.step_number for review in reviews],
            "agent_ids": [review.assigned_agent_id for review in reviews],
            "absent_ids": [review.holder and review.holder.on_behalf_of_agent_id for review in reviews],
            "assigned_ats": [review.assigned_at for review in reviews],
            "assignment_numbers": [review.assignment_number for review in reviews],
            "first_approvers": [review.first_approved_by for review in reviews],
        },
    )


def update_not_at_top(tx: Connection, agent_id: int | None = None) -> None:
    """Let overdue reviews look again for somebody above, because the tree changes; lock those of an agent as well."""
    tx.execute(UPDATE_NOT_AT_TOP, {"agent_id": agent_id})


def update_decided(tx: Connection, loan_id: UUID, decision: Decision, grounds: Grounds, now: datetime) -> None:
    """End an open review with a decision."""
    tx.execute(
        UPDATE_DECIDED,
        {
            "loan_id": loan_id,
            "decision": str(decision.choice),
            "agent_id": decision.agent_id,
            "reason_codes": list(decision.reason_codes),
            "comment": decision.comment,
            "subject": decision.subject,
            "right": str(grounds.right),
            "absent_id": grounds.on_behalf_of_agent_id,
            "limit": grounds.limit,
            "exposure": grounds.exposure,
            "now": now,
        },
    )


def list_rulings(tx: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, Ruling]:
    """The decisions of reviews with all that led to them; those that are not decided, or void, are left out."""
    decided = tx.execute(LIST_DECIDED, {"loan_ids": list(loan_ids)}).all()
    taken = steps.list_steps(tx, [row.loan_id for row in decided])
    return {
        row.loan_id: Ruling(row.loan_id, _decision(row), _grounds(row), tuple(taken[row.loan_id])) for row in decided
    }


def list_applications(tx: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, Application]:
    """What is reviewed; reviews that were never opened are left out."""
    return {row.loan_id: _application(row) for row in tx.execute(LIST_APPLICATIONS, {"loan_ids": list(loan_ids)})}


def update_cancelled(tx: Connection, loan_ids: Iterable[UUID]) -> Counter[int]:
    """End open reviews without a decision; answer how many each agent had."""
    locked = tx.execute(LOCK_OPEN_REVIEWS, {"loan_ids": list(loan_ids)}).all()
    tx.execute(UPDATE_CANCELLED, {"loan_ids": [row.loan_id for row in locked]})
    return Counter(row.assigned_agent_id for row in locked if row.assigned_agent_id is not None)


def update_voided(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Cancel decided reviews whose decision came too late."""
    tx.execute(UPDATE_VOIDED, {"loan_ids": list(loan_ids)})


def count_open_reviews(tx: Connection, most: int) -> OpenReviews:
    """How many reviews are to be decided; counting ends at so many."""
    return OpenReviews(*tx.execute(COUNT_OPEN_REVIEWS, {"most": most}).one())


def review_of(row: Row[Any], recommended_by: tuple[int, ...]) -> Review:
    """A row of these columns as a value."""
    return Review(
        loan_id=row.loan_id,
        state=State(row.state),
        application=None if row.opened_at is None else _application(row),
        opened_at=row.opened_at,
        due_at=row.due_at,
        holder=None if row.assigned_agent_id is None else Holder(row.assigned_agent_id, row.on_behalf_of_agent_id),
        assigned_at=row.assigned_at,
        assignment_number=row.assignment_number,
        step_number=row.step_number,
        escalation_count=row.escalation_count,
        at_top=row.at_top,
        recommended_by=recommended_by,
        first_approved_by=row.first_approved_by_agent_id,
        decision=None if row.decision is None else _decision(row),
        grounds=None if row.decision is None else _grounds(row),
    )


def _locked(tx: Connection, rows: Sequence[Row[Any]]) -> list[Review]:
    """Locked rows as values. What belongs to them is read after the lock: before it, it might have been another."""
    with_steps = [row.loan_id for row in rows if row.step_number > 0]
    recommended_by = steps.list_recommenders(tx, with_steps) if with_steps else {}
    return [review_of(row, recommended_by.get(row.loan_id, ())) for row in rows]


def _application(row: Row[Any]) -> Application:
    return Application(
        row.loan_id,
        Name(row.customer_name),
        Phone(row.customer_phone),
        row.loan_amount,
        row.currency_code,
        row.loan_type,
        tuple(row.reason_codes),
        row.customer_exposure,
    )


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        row.decided_by_agent_id,
        Choice(row.decision),
        tuple(row.decision_reason_codes),
        Personal(row.decision_comment),
        row.decision_subject,
    )


def _grounds(row: Row[Any]) -> Grounds:
    return Grounds(
        Right(row.decision_right), row.decision_on_behalf_of_agent_id, row.decision_limit, row.decision_exposure
    )
