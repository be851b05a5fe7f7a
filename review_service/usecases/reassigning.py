"""Giving a review to another agent because a manager wants it so."""

from uuid import UUID

from sqlalchemy import Connection

from chassis.personal import NO_WORDS, Personal
from review_service import domain, store
from review_service.domain import Act, AgentNotFound, Claim, Review, StepKind
from review_service.usecases import moving


def reassign_review(
    tx: Connection, loan_id: UUID, agent_id: int, to_agent_id: int, comment: Personal = NO_WORDS
) -> Review:
    """Give a review to another agent or, while that one is absent, to their substitute.

    Returns:
        The review as it is now. Giving it to the one who has it changes nothing.

    Raises:
        AgentNotFound: There is no such agent.
        ReviewNotFound: No review has been opened, or not yet.
        LoanNotUnderReview: The review is decided or cancelled.
        NotAssignedToAgent: The review is not in the branch of the one who wants it.
        AgentNotInBranch: The other agent is not.
        FailedPrecondition: The other agent cannot take it; see `domain.refuse_unable`.
    """
    manager = store.get_agent(tx, agent_id)
    to_chain = store.list_chain(tx, to_agent_id)
    if not to_chain:
        raise AgentNotFound(f"there is no agent {to_agent_id}")
    review = store.lock_review(tx, loan_id)
    claim = Claim(manager, store.list_chain(tx, review.seat_id), store.list_absent_ids(tx, agent_id))
    grounds = domain.right_to_reassign(review, claim, {agent.agent_id for agent in to_chain})
    staff = {agent.agent_id: agent for agent in store.list_roster(tx)}
    holder = domain.holder_of(to_chain[0], staff)
    if review.assigned_agent_id in {to_agent_id, holder.agent_id}:
        return review
    concerned = {agent_id, holder.agent_id, review.assigned_agent_id}
    locked = store.lock_agents(tx, [each for each in concerned if each is not None])
    domain.refuse_inactive(locked[agent_id])
    domain.refuse_unable(locked[holder.agent_id], to_chain[0], review.known_application)
    act = Act(f"agent:{agent_id}", comment=comment, grounds=grounds)
    moved = domain.give(review, StepKind.REASSIGNED, holder, store.get_time(tx), act=act)
    moving.save_moves(tx, [moved], {**staff, **locked})
    return moved.after
