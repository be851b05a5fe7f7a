"""Recording what agents decide."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from sqlalchemy import Connection

from chassis.errors import Aborted
from review_service import domain, store
from review_service.domain import (
    ALL,
    Act,
    Agent,
    Claim,
    Decided,
    Decision,
    FirstApproved,
    Holder,
    Outcome,
    Recommended,
    Repeated,
    Review,
    ReviewPolicy,
    Ruling,
    Search,
    Sight,
    StepKind,
)
from review_service.usecases import moving, telling


class Overtaken(Aborted):
    """Somebody whom the decision concerns was changed while it was made; the same decision may succeed."""


@dataclass(frozen=True, slots=True)
class _Hearing:
    """A decision about a locked review, and what it is judged by."""

    review: Review
    decision: Decision
    chain: Sequence[Agent]
    absent_ids: Sequence[int]
    policy: ReviewPolicy
    exposure: Decimal | None

    def outcome_for(self, decider: Agent) -> Outcome:
        """What follows if the decider is as given."""
        claim = Claim(decider, self.chain, self.absent_ids)
        return domain.decide(self.review, self.decision, claim, self.policy, self.exposure)

    def next_holder(self, outcome: Outcome, staff: Mapping[int, Agent]) -> Holder | None:
        """Who has the review after the outcome; None if that changes nothing or nobody is there."""
        search = Search(self.review, self.chain, staff, self.decision.agent_id, self.exposure)
        match outcome:
            case Recommended(place=place):
                return search.higher_authority(place)
            case FirstApproved(place=place):
                return search.second_approver(place)
            case Decided() | Repeated():
                return None


def decide_review(  # noqa: PLR0913 -- the last two have defaults
    tx: Connection,
    loan_id: UUID,
    decision: Decision,
    policy: ReviewPolicy,
    exposure: Decimal | None = None,
    *,
    sight: Sight = ALL,
) -> Ruling | None:
    """Record what an agent decides; the same again changes nothing.

    What counts is how things are while the review and the agent are locked. Who must be locked depends on what follows
    from the decision, so it is looked at before as well.

    Args:
        tx: The transaction.
        loan_id: Whose review.
        decision: What the agent decides.
        policy: How reviews are done.
        exposure: The customer's exposure now; needed for approvals within a limit.
        sight: What the caller may see.

    Returns:
        The decision that stands, with all that led to it; None if an approval is a recommendation, or the first of two.

    Raises:
        AgentNotFound: There is no such agent.
        AgentNotActive: The agent does not work here any more.
        ReviewNotFound: No review has been opened, or not yet, or it is out of sight.
        LoanNotUnderReview: The review is cancelled.
        NotAssignedToAgent: The agent has no authority over the review.
        DecisionAlreadyMade: Another decision stands.
        ExposureUnknown: The agent has a limit, and the exposure was not given.
        Overtaken: It must be tried again.
    """
    decider = store.get_agent(tx, decision.agent_id)
    review = store.lock_review(tx, loan_id, sight)
    chain = store.list_chain(tx, review.seat_id)
    absent_ids = store.list_absent_ids(tx, decision.agent_id)
    hearing = _Hearing(review, decision, chain, absent_ids, policy, exposure)
    if isinstance(expected := hearing.outcome_for(decider), Repeated):
        return _standing(tx, review, expected)
    staff = {} if isinstance(expected, Decided) else {agent.agent_id: agent for agent in store.list_roster(tx)}
    target = hearing.next_holder(expected, staff)
    concerned = [decision.agent_id, review.assigned_agent_id, None if target is None else target.agent_id]
    locked = store.lock_agents(tx, {agent_id for agent_id in concerned if agent_id is not None})
    outcome = hearing.outcome_for(locked[decision.agent_id])
    match outcome:
        case Decided():
            return _end(tx, review, outcome, locked[decision.agent_id])
        case Recommended() | FirstApproved():
            staff = {agent.agent_id: agent for agent in {**staff, **locked}.values() if agent.is_active}
            if type(outcome) is not type(expected) or hearing.next_holder(outcome, staff) != target:
                raise Overtaken("somebody was changed meanwhile; try again")
            _pass_on(tx, hearing, outcome, target, staff)
            return None
        case Repeated():
            return _standing(tx, review, outcome)
        case other:
            assert_never(other)


def _standing(tx: Connection, review: Review, repeated: Repeated) -> Ruling | None:
    """The decision that was repeated, if it was one."""
    return None if repeated.decision is None else store.list_rulings(tx, [review.loan_id])[review.loan_id]


def _end(tx: Connection, review: Review, outcome: Decided, decider: Agent) -> Ruling:
    """End a review, and tell the loan service."""
    if review.assigned_agent_id is not None:
        store.add_open_reviews(tx, {review.assigned_agent_id: -1})
    store.update_decided(tx, review.loan_id, outcome.decision, outcome.grounds, decider.as_of)
    steps = store.list_steps(tx, [review.loan_id])[review.loan_id]
    telling.tell_decision(tx, review.loan_id)
    telling.offer_waiting(tx)
    return Ruling(review.loan_id, outcome.decision, outcome.grounds, tuple(steps))


def _pass_on(
    tx: Connection,
    hearing: _Hearing,
    outcome: Recommended | FirstApproved,
    target: Holder | None,
    staff: Mapping[int, Agent],
) -> None:
    """Remember an approval that does not suffice, and give the review to whoever goes on with it."""
    review, decision = hearing.review, hearing.decision
    now = staff[decision.agent_id].as_of
    act = Act(f"agent:{decision.agent_id}", decision.reason_codes, decision.comment, outcome.grounds, decision.subject)
    note = domain.recommend if isinstance(outcome, Recommended) else domain.approve_first
    moved = note(review, decision.agent_id, now, act)
    if target is not None and target.agent_id != review.assigned_agent_id:
        due_at = hearing.policy.deadlines.due_at(review.known_application.loan_type, now)
        moved = moved.then(domain.give(moved.after, StepKind.ASSIGNED, target, now, due_at=due_at))
    moving.save_moves(tx, [moved], staff)


def void_decisions(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """Cancel reviews whose decision came too late: the loans had left their review another way."""
    store.update_voided(tx, loan_ids)
