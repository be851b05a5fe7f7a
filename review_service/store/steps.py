"""Statements over the steps of reviews."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from chassis.personal import Personal
from review_service.domain import Right, Step, StepKind

_STEP = """loan_id, number, kind, occurred_at, actor, reason_codes, comment, assigned_agent_id, step_right,
    on_behalf_of_agent_id, approval_limit, customer_exposure, subject"""

# Lists cannot be nested in an SQL array when their lengths differ: reason codes travel joined by commas.
INSERT_STEPS = text(f"""
INSERT INTO review_steps ({_STEP})
SELECT loan_id, number, kind, occurred_at, actor, string_to_array(reason_codes, ','), comment, assigned_agent_id,
       step_right, on_behalf_of_agent_id, approval_limit, customer_exposure, subject
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:numbers AS int[]), CAST(:kinds AS text[]),
            CAST(:times AS timestamptz[]), CAST(:actors AS text[]), CAST(:reason_codes AS text[]),
            CAST(:comments AS text[]), CAST(:agent_ids AS int[]), CAST(:rights AS text[]),
            CAST(:absent_ids AS int[]), CAST(:limits AS numeric[]), CAST(:exposures AS numeric[]),
            CAST(:subjects AS text[])) AS new ({_STEP})
""")  # noqa: S608 -- constants of this module

LIST_STEPS = text(f"""
SELECT {_STEP} FROM review_steps WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) ORDER BY loan_id, number
""")  # noqa: S608 -- constants of this module

# What somebody said of a review before it was given to them (again) does not count: they are asked anew.
IS_RECOMMENDATION = """kind = 'RECOMMENDED' AND NOT EXISTS (
    SELECT FROM review_steps AS later
    WHERE later.loan_id = review_steps.loan_id AND later.number > review_steps.number
          AND 'agent:' || later.assigned_agent_id = review_steps.actor
)"""

LIST_RECOMMENDERS = text(f"""
SELECT loan_id, CAST(substr(actor, 7) AS int) AS agent_id FROM review_steps
WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND {IS_RECOMMENDATION} ORDER BY loan_id, number
""")  # noqa: S608 -- constants of this module


def insert_steps(tx: Connection, steps: Sequence[Step]) -> None:
    """Add steps to the logs of reviews that the caller has locked."""
    tx.execute(
        INSERT_STEPS,
        {
            "loan_ids": [step.loan_id for step in steps],
            "numbers": [step.number for step in steps],
            "kinds": [str(step.kind) for step in steps],
            "times": [step.occurred_at for step in steps],
            "actors": [step.actor for step in steps],
            "reason_codes": [",".join(step.reason_codes) for step in steps],
            "comments": [step.comment for step in steps],
            "agent_ids": [step.assigned_agent_id for step in steps],
            "rights": [None if step.right is None else str(step.right) for step in steps],
            "absent_ids": [step.on_behalf_of_agent_id for step in steps],
            "limits": [step.approval_limit for step in steps],
            "exposures": [step.customer_exposure for step in steps],
            "subjects": [step.subject for step in steps],
        },
    )


def list_steps(tx: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """All steps of reviews, in order."""
    wanted = list(loan_ids)
    steps: dict[UUID, list[Step]] = {loan_id: [] for loan_id in wanted}
    for row in tx.execute(LIST_STEPS, {"loan_ids": wanted}):
        steps[row.loan_id].append(_step(row))
    return steps


def list_recommenders(tx: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, tuple[int, ...]]:
    """The agents who approved loans above their limit, the latest last; those that nobody did are left out."""
    found: dict[UUID, tuple[int, ...]] = {}
    for row in tx.execute(LIST_RECOMMENDERS, {"loan_ids": list(loan_ids)}):
        found[row.loan_id] = (*found.get(row.loan_id, ()), row.agent_id)
    return found


def _step(row: Row[Any]) -> Step:
    return Step(
        loan_id=row.loan_id,
        number=row.number,
        kind=StepKind(row.kind),
        occurred_at=row.occurred_at,
        actor=row.actor,
        reason_codes=tuple(row.reason_codes),
        comment=Personal(row.comment),
        assigned_agent_id=row.assigned_agent_id,
        right=None if row.step_right is None else Right(row.step_right),
        on_behalf_of_agent_id=row.on_behalf_of_agent_id,
        approval_limit=row.approval_limit,
        customer_exposure=row.customer_exposure,
        subject=row.subject,
    )
