"""Giving a review to another agent because a manager wants it so."""

from uuid import UUID

from sqlalchemy import Connection

from chassis.personal import NO_WORDS, Personal
from review_service import domain, store
from review_service.domain import ALL, Act, AgentNotFound, Claim, Review, Sight, StepKind
from review_service.usecases import moving


def reassign_review(  # noqa: PLR0913 -- the last three have defaults
    tx: Connection,
    loan_id: UUID,
    agent_id: int,
    to_agent_id: int,
    *,
    comment: Personal = NO_WORDS,
    subject: str = "",
    sight: Sight = ALL,
) -> Review:
    """Give a review to another agent or, while that one is absent, to their substitute.

    Args:
        tx: The transaction.
        loan_id: Whose review.
        agent_id: Who wants it so.
        to_agent_id: Who is to have it.
        comment: Why, for staff.
        subject: Who wants it so, by their token.
        sight: What the caller may see.

    Returns:
        The review as it is now. Giving it to the one who has it changes nothing.

    Raises:
        AgentNotFound: There is no such agent.
        ReviewNotFound: No review has been opened, or not yet, or it is out of sight.
        LoanNotUnderReview: The review is decided or cancelled.
        NotAssignedToAgent: The review is not in the branch of the one who wants it.
        AgentNotInBranch: The other agent is not.
        FailedPrecondition: The other agent cannot take it; see `domain.refuse_unable`.
    """
    manager = store.get_agent(tx, agent_id)
    review = store.lock_review(tx, loan_id, sight)
    to_chain = store.list_chain(tx, to_agent_id)
    if not to_chain:
        raise AgentNotFound(f"there is no agent {to_agent_id}")
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
    act = Act(f"agent:{agent_id}", comment=comment, grounds=grounds, subject=subject)
    moved = domain.give(review, StepKind.REASSIGNED, holder, store.get_time(tx), act=act)
    moving.save_moves(tx, [moved], {**staff, **locked})
    return moved.after
