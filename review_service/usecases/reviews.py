"""Opening, assigning, deciding and cancelling reviews."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import assert_never
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.jobs import NewJob
from review_service import domain, store
from review_service.domain import (
    Application,
    Assignment,
    Choice,
    Decided,
    Decision,
    Recommended,
    Repeated,
    Review,
)

RECORD_ASSIGNMENT = "record_assignment"
RECORD_DECISION = "record_decision"
NOTIFY_STAFF = "notify_staff"
ASSIGN_WAITING = "assign_waiting"

ASSIGN_MOST = 1000
"""The most waiting reviews that are assigned in one transaction."""

RECORD_DECISION_DELAY_S = 2
"""How long the job that tells a decision waits: whoever made it is telling it at once, and mostly succeeds."""


def open_reviews(tx: Connection, applications: Sequence[Application]) -> None:
    """Open reviews and assign them; those that were opened or cancelled before are left as they are."""
    store.lock_assigning(tx)
    wanted = {application.loan_id: application for application in reversed(applications)}  # of two equal ids the first
    new = store.insert_reviews(tx, list(wanted.values()))
    _assign(tx, [application for application in reversed(wanted.values()) if application.loan_id in new])


def assign_waiting(tx: Connection) -> int:
    """Assign reviews that nobody could take so far, a bounded number at a time; answer how many."""
    store.lock_assigning(tx)
    return _assign(tx, store.lock_waiting_reviews(tx, ASSIGN_MOST))


def _assign(tx: Connection, applications: Sequence[Application]) -> int:
    """Share out reviews among those who are available; answer how many found somebody."""
    if not applications:
        return 0
    given = domain.share_out(
        applications, [agent for agent in store.list_roster(tx) if agent.is_available], store.list_manager_ids(tx)
    )
    if given:
        store.add_open_reviews(tx, Counter(given.values()))
        _announce(tx, store.update_assigned(tx, given))
    return len(given)


def cancel_reviews(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """End reviews that need no decision any more, and remember those that must not be opened; decided ones stay."""
    wanted = set(loan_ids)
    store.insert_cancelled_reviews(tx, wanted)
    if assigned := store.update_cancelled(tx, wanted):
        store.add_open_reviews(tx, {agent_id: -count for agent_id, count in assigned.items()})


def decide_review(tx: Connection, loan_id: UUID, decision: Decision) -> Decision | None:
    """Record what an agent decides; the same again changes nothing.

    Returns:
        The decision that stands; None if an approval above the agent's limit stands as a recommendation.

    Raises:
        AgentNotFound: There is no such agent.
        ReviewNotFound: No review has been opened, or not yet.
        LoanNotUnderReview: The review is cancelled.
        NotAssignedToAgent: The agent has no authority over the review.
        DecisionAlreadyMade: Another decision stands.
    """
    decider = store.get_agent(tx, decision.agent_id)
    review = store.lock_review(tx, loan_id)
    chain = store.list_chain(tx, review.assigned_agent_id)
    match domain.decide(review, decision, decider, chain):
        case Decided():
            _end(tx, review, decision)
            return decision
        case Recommended(agent_id=agent_id):
            _recommend(tx, review, decision, agent_id)
            return None
        case Repeated(decision=standing):
            return standing
        case other:
            assert_never(other)


def _end(tx: Connection, review: Review, decision: Decision) -> None:
    """End a review, and tell the loan service."""
    if review.assigned_agent_id is not None:
        store.add_open_reviews(tx, {review.assigned_agent_id: -1})
    store.update_decided(tx, review.loan_id, decision)
    args = {
        "loan_id": str(review.loan_id),
        "agent_id": decision.agent_id,
        "approved": decision.choice is Choice.APPROVE,
        "reason_codes": list(decision.reason_codes),
        "comment": decision.comment,
    }
    key = f"{RECORD_DECISION}:{review.loan_id}"
    jobs.enqueue(tx, [NewJob(RECORD_DECISION, key, args, delay_s=RECORD_DECISION_DELAY_S)])


def _recommend(tx: Connection, review: Review, decision: Decision, agent_id: int) -> None:
    """Remember a recommendation and move the review, unless it is there already."""
    if (assigned := review.assigned_agent_id) is not None and assigned != agent_id:
        store.add_open_reviews(tx, {assigned: -1, agent_id: +1})
        _announce(tx, store.update_assigned(tx, {review.loan_id: agent_id}))
    store.insert_recommendation(tx, review.loan_id, decision)


def void_decisions(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Cancel reviews whose decision came too late: the loans had left their review another way."""
    store.update_voided(tx, loan_ids)


def _announce(tx: Connection, assignments: Sequence[Assignment]) -> None:
    """Tell the loan service, the agents and their managers."""
    jobs.enqueue(tx, [job for assignment in assignments for job in _announcements(assignment)])


def _announcements(assignment: Assignment) -> Iterable[NewJob]:
    """What others must be told of an assignment."""
    application = assignment.application
    which = f"{application.loan_id}:{assignment.number}"
    args = {
        "loan_id": str(application.loan_id),
        "agent_id": assignment.agent_id,
        "assignment_number": assignment.number,
    }
    yield NewJob(RECORD_ASSIGNMENT, f"{RECORD_ASSIGNMENT}:{which}", args)
    values = {
        "customer_name": application.customer_name,
        "loan_amount": f"{application.loan_amount:.2f}",
        "currency_code": application.currency_code,
        "loan_type": application.loan_type,
    }
    yield _push(application, f"push:{which}:agent", assignment.agent_id, "LOAN_ASSIGNED", values)
    if assignment.manager_id is not None:
        values = {**values, "agent_name": assignment.agent_name}
        yield _push(application, f"push:{which}:manager", assignment.manager_id, "LOAN_ASSIGNED_TO_REPORT", values)


def _push(application: Application, dedupe_key: str, agent_id: int, template: str, values: dict[str, str]) -> NewJob:
    args = {
        "dedupe_key": dedupe_key,
        "loan_id": str(application.loan_id),
        "recipient": f"agent:{agent_id}",
        "template": template,
        "values": values,
    }
    return NewJob(NOTIFY_STAFF, dedupe_key, args)
