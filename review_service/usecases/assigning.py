"""Finding somebody for reviews that nobody has.

Nobody waits here: agents are held only for the reviews that they get, and one whom somebody else holds is passed over.
A review whose turn it was to go to such a one waits for a moment, so that nobody gets more than their share, nor
a manager what is for the agents below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import Agent, Review, ReviewPolicy, StepKind
from review_service.usecases import moving

ASSIGN_MOST = 1000
"""The most waiting reviews that are assigned in one transaction."""

PATIENCE = timedelta(seconds=2)
"""How long a review waits for an agent whom somebody else holds, before it goes to the next one."""

LOOKS_MOST = 3
"""How often it is looked whose turn it is, while what others do changes it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """How many reviews were assigned, and how many were left although somebody could take them.

    Whose turn it was to get those is held by somebody else just now.
    """

    assigned: int = 0
    left: int = 0


def assign_waiting(tx: Connection, policy: ReviewPolicy) -> bool:
    """Assign reviews that nobody could take so far, a bounded number at a time.

    Returns:
        Whether there may be more that somebody can take.
    """
    types = domain.types_taken(store.list_roster(tx))
    if types is not None and not types:
        return False
    waiting = store.lock_waiting_reviews(tx, types, ASSIGN_MOST)
    shared = assign(tx, waiting, policy)
    return shared.left > 0 or (shared.assigned > 0 and len(waiting) == ASSIGN_MOST)


def assign(tx: Connection, reviews: Sequence[Review], policy: ReviewPolicy) -> Shared:
    """Give reviews, which the caller has locked or only just inserted, to those whose turn it is."""
    if not reviews:
        return Shared()
    by_id = {review.loan_id: review for review in reviews}
    applications = [review.known_application for review in reviews]
    staff, held = {agent.agent_id: agent for agent in store.list_roster(tx)}, set[int]()
    given = domain.share_out(applications, list(staff.values()))
    for _ in range(LOOKS_MOST):
        wanted = {holder.agent_id for holder in given.values()} - held
        locked = store.lock_agents_skipping(tx, wanted) if wanted else {}
        if not locked:
            break
        held |= locked.keys()
        staff = _updated(staff, locked)
        given = domain.share_out(applications, list(staff.values()))
    now = store.get_time(tx)
    mine = {loan_id: holder for loan_id, holder in given.items() if holder.agent_id in held}
    if given and not mine and (reviews[0].opened_at or now) < now - PATIENCE:
        locked = store.lock_agents_skipping(tx, staff)
        staff = _updated(staff, locked)
        mine = domain.share_out(applications[: len(locked)], list(staff.values()), only=locked)
    moves = []
    for loan_id, holder in mine.items():
        review = by_id[loan_id]
        due_at = policy.deadlines.due_at(review.known_application.loan_type, now)
        moves.append(domain.give(review, StepKind.ASSIGNED, holder, now, due_at=due_at))
    moving.save_moves(tx, moves, staff)
    return Shared(len(mine), len(given) - len(mine))


def _updated(staff: dict[int, Agent], locked: dict[int, Agent]) -> dict[int, Agent]:
    """The staff, with those who are locked as they are now; who has left meanwhile is not among them any more."""
    updated = {**staff, **locked}
    return {agent_id: agent for agent_id, agent in updated.items() if agent.is_active}
