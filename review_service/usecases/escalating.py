"""Moving overdue reviews up."""

from datetime import datetime

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import ReviewPolicy, StepKind
from review_service.usecases import moving

ESCALATE_MOST = 200
"""The most overdue reviews that move up in one transaction."""


def escalate_overdue(tx: Connection, policy: ReviewPolicy, now: datetime | None = None) -> bool:
    """Move overdue reviews one step up, a bounded number at a time.

    Args:
        tx: The transaction.
        policy: When they are due next.
        now: The time; the database's if None.

    Returns:
        Whether there may be more.
    """
    overdue = store.lock_overdue_reviews(tx, now or store.get_time(tx), ESCALATE_MOST)
    if not overdue:
        return False
    staff = {agent.agent_id: agent for agent in store.list_roster(tx)}
    manager_of = store.list_manager_ids(tx)
    above = {review.loan_id: domain.next_above(review, staff, manager_of) for review in overdue}
    concerned = {holder.agent_id for holder in above.values() if holder is not None}
    concerned |= {review.assigned_agent_id for review in overdue if review.assigned_agent_id is not None}
    locked = store.lock_agents(tx, sorted(concerned))
    moved_at = now or store.get_time(tx)
    moves = []
    for review in overdue:
        holder = above[review.loan_id]
        if holder is None:
            moves.append(domain.leave_at_top(review))
        elif locked[holder.agent_id].is_active:  # else who leaves takes care of it, or it moves up the next time
            due_at = policy.deadlines.due_at(review.known_application.loan_type, moved_at)
            moves.append(domain.give(review, StepKind.ESCALATED, holder, moved_at, due_at=due_at))
    moving.save_moves(tx, moves, staff)
    return len(overdue) == ESCALATE_MOST
