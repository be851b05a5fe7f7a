"""Who may decide a review, and what follows from what they say.

Authority is the assigned agent's, that of every manager above them, and that of whoever stands in for one of these now.
It begins at a seat: the assigned agent's own or, if a substitute has the review, the absent agent's. An approval must
be within the limit of the one who approves; a rejection needs none.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chassis.errors import Aborted
from review_service.domain.agents import Agent, refuse_inactive
from review_service.domain.due import Deadlines
from review_service.domain.reviews import (
    Choice,
    Decision,
    DecisionAlreadyMade,
    Holder,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Review,
    State,
)
from review_service.domain.sharing import holder_of, is_skilled, stand_in
from review_service.domain.steps import Grounds, Right


class ExposureUnknown(Aborted):
    """The decider has a limit, and the customer's exposure was not asked for; it must be, and the decision repeated."""


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """How reviews are done here.

    Attributes:
        deadlines: When they are due.
        four_eyes_above: Above which amount two agents must approve; None means never.
    """

    deadlines: Deadlines = field(default_factory=Deadlines)
    four_eyes_above: Decimal | None = None

    def wants_four_eyes(self, amount: Decimal) -> bool:
        """Whether two agents must approve an amount."""
        return self.four_eyes_above is not None and amount > self.four_eyes_above


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody's right to a review rests on.

    Attributes:
        agent: Who claims it.
        chain: The agent at whose seat authority over the review begins, their manager, and so on to the top; empty
            while nobody has it.
        stands_in_for: The absent agents for whom the agent acts now.
    """

    agent: Agent
    chain: Sequence[Agent]
    stands_in_for: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """A right over a review, and the place in the chain from which it follows."""

    right: Right
    on_behalf_of_agent_id: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The review ends with this decision."""

    decision: Decision
    grounds: Grounds


@dataclass(frozen=True, slots=True)
class Recommended:
    """The approval is above the limit and stands as a recommendation; the review moves to a higher authority."""

    decision: Decision
    grounds: Grounds
    place: int


@dataclass(frozen=True, slots=True)
class FirstApproved:
    """The approval is the first of two; the review moves to somebody else."""

    decision: Decision
    grounds: Grounds
    place: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """Nothing changes: the same was said before. The decision is None if it was no decision in the end."""

    decision: Decision | None


Outcome = Decided | Recommended | FirstApproved | Repeated


def authority(review: Review, claim: Claim) -> Authority | None:
    """By which right an agent may decide; None if by none. Nobody may decide their own application."""
    if review.holder is None or review.application is None:
        return None
    applicant = review.application.customer_phone
    if claim.agent.phone == applicant:
        return None
    if review.holder.agent_id == claim.agent.agent_id:
        absent = review.holder.on_behalf_of_agent_id
        return Authority(Right.RIGHT_OF_ASSIGNEE if absent is None else Right.RIGHT_OF_SUBSTITUTE, absent, 0)
    for place, member in enumerate(claim.chain):
        if member.agent_id == claim.agent.agent_id:
            return Authority(Right.RIGHT_OF_MANAGER if place else Right.RIGHT_OF_ASSIGNEE, None, place)
    for place, member in enumerate(claim.chain):
        if member.agent_id in claim.stands_in_for and member.phone != applicant:
            return Authority(Right.RIGHT_OF_SUBSTITUTE, member.agent_id, place)
    return None


def decide(
    review: Review, decision: Decision, claim: Claim, policy: ReviewPolicy, exposure: Decimal | None = None
) -> Outcome:
    """What follows from a decision.

    Args:
        review: The review.
        decision: What an agent decides.
        claim: The agent, and what their right rests on.
        policy: How reviews are done.
        exposure: The customer's exposure now; None if it was not asked for.

    Raises:
        LoanNotUnderReview: The review is cancelled.
        AgentNotActive: The agent does not work here any more.
        NotAssignedToAgent: The agent has no authority over the review.
        DecisionAlreadyMade: Another decision stands.
        ExposureUnknown: The agent has a limit, and the exposure was not asked for.
    """
    if review.application is None or review.state is State.CANCELLED:
        raise LoanNotUnderReview(f"loan {review.loan_id} is not under review any more")
    if review.decision is not None and review.decision.repeats(decision):
        return Repeated(review.decision)
    refuse_inactive(claim.agent)
    right = authority(review, claim)
    if right is None:
        return _without_right(review, decision)
    if review.decision is not None:
        raise DecisionAlreadyMade(f"loan {review.loan_id} was decided by agent {review.decision.agent_id}")
    if decision.choice is Choice.REJECT:
        return Decided(decision, Grounds(right.right, right.on_behalf_of_agent_id))
    limit = claim.agent.limit_for(review.application.loan_type)
    if limit is not None and exposure is None:
        raise ExposureUnknown("the approval limit was just set; try again")
    grounds = Grounds(right.right, right.on_behalf_of_agent_id, limit, None if limit is None else exposure)
    return _approve(review, decision, grounds, right.place, policy)


def _without_right(review: Review, decision: Decision) -> Repeated:
    """What somebody may say who has no right to a review, or not any more: what they have said before."""
    has_approved = decision.agent_id in review.recommended_by or decision.agent_id == review.first_approved_by
    if decision.choice is Choice.APPROVE and has_approved:
        return Repeated(None)
    raise NotAssignedToAgent(f"loan {review.loan_id} is not assigned to agent {decision.agent_id}")


def _approve(review: Review, decision: Decision, grounds: Grounds, place: int, policy: ReviewPolicy) -> Outcome:
    """What follows from an approval by somebody who may decide."""
    outcome: Outcome = Decided(decision, grounds)
    amount, said_before = review.known_application.loan_amount, False
    if not grounds.cover(amount):
        outcome, said_before = Recommended(decision, grounds, place), decision.agent_id in review.recommended_by
    elif policy.wants_four_eyes(amount) and review.first_approved_by in {None, decision.agent_id}:
        outcome, said_before = FirstApproved(decision, grounds, place), review.first_approved_by is not None
    return Repeated(None) if said_before else outcome


def next_above(review: Review, staff: Mapping[int, Agent], manager_of: Mapping[int, int]) -> Holder | None:
    """Who gets an overdue review: the next manager above its seat who is active, has it not, and is not the applicant.

    Args:
        review: The review.
        staff: All active agents by id.
        manager_of: The manager of every agent who has one, active or not.

    Returns:
        None if there is nobody above.
    """
    applicant = review.known_application.customer_phone
    seat_id = manager_of.get(review.seat_id or 0)
    while seat_id is not None:
        if (seat := staff.get(seat_id)) is not None:
            taker = stand_in(seat, staff)
            if taker.agent_id != review.assigned_agent_id and applicant not in {seat.phone, taker.phone}:
                return holder_of(seat, staff)
        seat_id = manager_of.get(seat_id)
    return None


@dataclass(frozen=True, slots=True)
class Search:
    """A search for somebody who can go on with a review.

    Attributes:
        review: The review.
        chain: As in a Claim.
        staff: All active agents by id.
        decider_id: Who has just had their say.
        exposure: The customer's exposure now; None if it was not asked for, then it counts as it was at the opening.
    """

    review: Review
    chain: Sequence[Agent]
    staff: Mapping[int, Agent]
    decider_id: int
    exposure: Decimal | None = None

    def higher_authority(self, place: int) -> Holder | None:
        """Who gets a recommended review: the lowest manager above a place who may approve it, else the top.

        None if there is nobody above.
        """
        above = list(self._holders(self.chain[place + 1 :]))
        able = [holder for holder in above if self._may_approve(holder)]
        return next(iter([*able, *reversed(above)]), None)

    def second_approver(self, place: int) -> Holder | None:
        """Who gets a review that needs a second approval.

        The lowest manager above who may give it; else somebody else of the chain who may; else the one with the
        fewest open reviews of all who are available and may; else the top. None if there is nobody else at all.
        """
        above, below = (list(self._holders(part)) for part in (self.chain[place + 1 :], self.chain[: place + 1]))
        able = [holder for holder in [*above, *below] if self._may_approve(holder)]
        return next(iter([*able[:1], *self._colleagues(), *reversed(above), *reversed(below)]), None)

    def _holders(self, seats: Sequence[Agent]) -> Iterator[Holder]:
        """Who would get the review at each of the seats: not the decider, and not the applicant."""
        for seat in seats:
            taker = stand_in(seat, self.staff)
            if taker.is_active and taker.agent_id != self.decider_id and not self._is_applicant(seat, taker):
                yield holder_of(seat, self.staff)

    def _colleagues(self) -> list[Holder]:
        """Available agents who may approve it wherever they are in the tree, those with the skill first."""
        application = self.review.known_application
        others = [
            agent
            for agent in self.staff.values()
            if agent.is_available
            and agent.agent_id != self.decider_id
            and stand_in(agent, self.staff) is agent
            and not self._is_applicant(agent)
            and self._may_approve(Holder(agent.agent_id))
        ]
        others.sort(
            key=lambda agent: (not is_skilled(agent, application.loan_type), agent.open_review_count, agent.agent_id)
        )
        return [Holder(agent.agent_id) for agent in others]

    def _may_approve(self, holder: Holder) -> bool:
        """Whether the loan is within the limit of the one who would decide, who has not approved it before."""
        application = self.review.known_application
        exposure = application.customer_exposure if self.exposure is None else self.exposure
        needed = max(application.loan_amount, exposure)
        return (
            holder.agent_id != self.review.first_approved_by
            and (taker := self.staff.get(holder.agent_id)) is not None
            and taker.may_approve(application.loan_type, needed)
        )

    def _is_applicant(self, *agents: Agent) -> bool:
        return any(agent.phone == self.review.known_application.customer_phone for agent in agents)
