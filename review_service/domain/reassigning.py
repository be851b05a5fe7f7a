"""Giving a review to another agent because a manager wants it so."""

from collections.abc import Collection

from chassis.errors import FailedPrecondition, PermissionDenied
from review_service.domain.agents import Agent, ApplicantIsAgent, refuse_inactive
from review_service.domain.deciding import Authority, Claim, authority
from review_service.domain.reviews import Application, LoanNotUnderReview, NotAssignedToAgent, Review, State
from review_service.domain.sharing import is_skilled
from review_service.domain.steps import Grounds, Right


class AgentNotInBranch(PermissionDenied):
    """The other agent does not report to the manager, however indirectly."""


class AgentNotAvailable(FailedPrecondition):
    """The agent takes no new reviews."""


class AgentAtCapacity(FailedPrecondition):
    """The agent has as many open reviews as they can have."""


class AgentNotSkilled(FailedPrecondition):
    """The agent cannot review loans of this type."""


def right_to_reassign(review: Review, claim: Claim, above_target: Collection[int]) -> Grounds:
    """By which right somebody may give a review to an agent.

    Args:
        review: The review.
        claim: Who wants it, and what their right rests on.
        above_target: The ids of the agent who is to get it, their manager, and so on to the top.

    Raises:
        LoanNotUnderReview: The review is decided or cancelled.
        AgentNotActive: Whoever wants it does not work here any more.
        NotAssignedToAgent: The review is not in their branch.
        AgentNotInBranch: The agent who is to get it is not.
    """
    if review.state is not State.OPEN:
        raise LoanNotUnderReview(f"loan {review.loan_id} is not under review any more")
    refuse_inactive(claim.agent)
    right = _right(review, claim)
    if right is None:
        raise NotAssignedToAgent(f"loan {review.loan_id} is not in the branch of agent {claim.agent.agent_id}")
    root_id = right.on_behalf_of_agent_id or claim.agent.agent_id
    if root_id not in above_target:
        raise AgentNotInBranch(f"the agent does not report to agent {root_id}")
    return Grounds(right.right, right.on_behalf_of_agent_id)


def _right(review: Review, claim: Claim) -> Authority | None:
    """As for a decision; but a manager who stands in for a report acts as the manager, whose branch is the larger."""
    right = authority(review, claim)
    if right is not None and claim.agent.agent_id in {manager.agent_id for manager in claim.chain[1:]}:
        return Authority(Right.RIGHT_OF_MANAGER, None, right.place)
    return right


def refuse_unable(taker: Agent, seat: Agent, application: Application) -> None:
    """Make sure that an agent can take a review now.

    Args:
        taker: The agent who would have it.
        seat: The agent in whose place they would have it: themselves, or whom they stand in for.
        application: What it is about.

    Raises:
        AgentNotActive: They do not work here any more.
        AgentNotAvailable: They take no new reviews.
        AgentAtCapacity: They have as many as they can have.
        AgentNotSkilled: They cannot review loans of this type.
        ApplicantIsAgent: It is the application of one of the two.
    """
    refuse_inactive(taker)
    if not taker.is_available:
        raise AgentNotAvailable(f"agent {taker.agent_id} takes no new reviews")
    if taker.max_open_reviews is not None and taker.open_review_count >= taker.max_open_reviews:
        raise AgentAtCapacity(f"agent {taker.agent_id} has {taker.open_review_count} open reviews and takes no more")
    if not is_skilled(taker, application.loan_type):
        raise AgentNotSkilled(f"agent {taker.agent_id} does not review loans of the type {application.loan_type}")
    for agent in (taker, seat):
        if agent.phone == application.customer_phone:
            raise ApplicantIsAgent(f"agent {agent.agent_id} is the applicant")
