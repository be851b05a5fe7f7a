"""Reviews, and who may decide them.

OPEN -> DECIDED      by the assigned agent or a manager above them, within their approval limit
OPEN -> OPEN         an approval above the limit stands as a recommendation and the review moves up
OPEN -> CANCELLED    the loan needs no decision any more
DECIDED -> CANCELLED the decision came too late: the loan had left its review another way
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from review_service.domain.agents import Agent


class State(StrEnum):
    """How far a review has come."""

    OPEN = "OPEN"
    DECIDED = "DECIDED"
    CANCELLED = "CANCELLED"


class Choice(StrEnum):
    """What can be decided."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


class ReviewNotFound(NotFound):
    """No review of this loan has been opened, or not yet."""


class LoanNotUnderReview(FailedPrecondition):
    """The loan does not wait for a human decision, or not any more."""


class NotAssignedToAgent(PermissionDenied):
    """The agent is neither the assigned one nor a manager above them, or is the applicant."""


class DecisionAlreadyMade(AlreadyExists):
    """Another decision stands."""


@dataclass(frozen=True, slots=True)
class Application:
    """What a reviewer needs to know of a loan, as it was when its review was opened.

    Attributes:
        loan_id: The loan, and its review.
        customer_name: The applicant.
        customer_phone: E.164; tells whether an agent is the applicant.
        loan_amount: Greater than 0, at most two decimals.
        currency_code: ISO 4217.
        loan_type: What the loan is for, in the word of the loan context.
        reason_codes: Why people must decide.
    """

    loan_id: UUID
    customer_name: str
    customer_phone: str
    loan_amount: Decimal
    currency_code: str
    loan_type: str
    reason_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent decides, and why: codes for all, the comment for staff."""

    agent_id: int
    choice: Choice
    reason_codes: tuple[str, ...] = ()
    comment: str = ""

    def repeats(self, other: "Decision") -> bool:
        """Whether the same agent decides the same again, whatever the reasons given."""
        return (self.agent_id, self.choice) == (other.agent_id, other.choice)


@dataclass(frozen=True, slots=True)
class Review:
    """A stored review.

    Attributes:
        loan_id: The loan, and its review.
        state: How far it has come.
        application: None if the review was cancelled before it was opened.
        opened_at: When it was opened; None as above.
        assigned_agent_id: To whom it is assigned, or was in the end; None while it waits for somebody.
        assigned_at: When it was assigned to them.
        recommended_by: Agents whose approval was above their limit, the latest last.
        decision: The decision, also one that came too late.
    """

    loan_id: UUID
    state: State
    application: Application | None
    opened_at: datetime | None
    assigned_agent_id: int | None
    assigned_at: datetime | None
    recommended_by: tuple[int, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A review that was given to an agent.

    Attributes:
        application: The loan to be reviewed.
        agent_id: To whom it was given.
        agent_name: Their name.
        manager_id: Their manager at that time.
        number: Counts the assignments of this review from 1.
    """

    application: Application
    agent_id: int
    agent_name: str
    manager_id: int | None
    number: int


@dataclass(frozen=True, slots=True)
class OpenReviews:
    """How much there is to decide.

    Attributes:
        assigned: Reviews that an agent has.
        unassigned: Reviews that wait for an agent.
        oldest_unassigned_s: For how long the first of those has been waiting; 0 if there is none.
    """

    assigned: int
    unassigned: int
    oldest_unassigned_s: float


@dataclass(frozen=True, slots=True)
class Decided:
    """The review ends with this decision."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Recommended:
    """The decision stands as a recommendation; the review belongs to this agent from now on."""

    decision: Decision
    agent_id: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """Nothing changes: the same was said before. The decision is None if it was a recommendation."""

    decision: Decision | None


def decide(
    review: Review, decision: Decision, decider: Agent, chain: Sequence[Agent]
) -> Decided | Recommended | Repeated:
    """What follows from a decision.

    Args:
        review: The review.
        decision: What its agent decides.
        decider: That agent.
        chain: The assigned agent, their manager, and so on to the top; empty while nobody is assigned.

    Raises:
        LoanNotUnderReview: The review is cancelled.
        NotAssignedToAgent: The agent has no authority over the review.
        DecisionAlreadyMade: Another decision stands.
    """
    if review.application is None or review.state is State.CANCELLED:
        raise LoanNotUnderReview(f"loan {review.loan_id} is not under review any more")
    if review.decision is not None and review.decision.repeats(decision):
        return Repeated(review.decision)
    if not authority(decider, chain, review.application):
        if decision.choice is Choice.APPROVE and decider.agent_id in review.recommended_by:
            return Repeated(None)
        raise NotAssignedToAgent(f"loan {review.loan_id} is not assigned to agent {decider.agent_id}")
    if review.decision is not None:
        raise DecisionAlreadyMade(f"loan {review.loan_id} was decided by agent {review.decision.agent_id}")
    if decision.choice is Choice.REJECT or decider.may_approve(
        review.application.loan_type, review.application.loan_amount
    ):
        return Decided(decision)
    return Recommended(decision, _next_above(decider, chain, review.application).agent_id)


def authority(agent: Agent, chain: Sequence[Agent], application: Application) -> bool:
    """Whether an agent may decide: as the assigned one or a manager above them, and never on their own application."""
    return agent.agent_id in {member.agent_id for member in chain} and agent.phone != application.customer_phone


def _next_above(decider: Agent, chain: Sequence[Agent], application: Application) -> Agent:
    """Who gets the review after the decider: the lowest manager above who may approve it, else the highest there is."""
    ids = [member.agent_id for member in chain]
    above = [
        manager for manager in chain[ids.index(decider.agent_id) + 1 :] if manager.phone != application.customer_phone
    ]
    able = [manager for manager in above if manager.may_approve(application.loan_type, application.loan_amount)]
    return [*able[:1], *reversed(above), decider][0]
