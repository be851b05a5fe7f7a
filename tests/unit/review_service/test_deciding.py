"""Who may decide a review, and what follows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import ServiceError
from chassis.personal import Personal
from review_service.domain import (
    Agent,
    AgentNotActive,
    Choice,
    Claim,
    Decided,
    Decision,
    DecisionAlreadyMade,
    ExposureUnknown,
    FirstApproved,
    Grounds,
    Holder,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Outcome,
    Recommended,
    Repeated,
    Review,
    ReviewPolicy,
    Right,
    State,
    authority,
    decide,
)
from tests.unit.review_service.people import APPLICANT, CHAIN, agent, review, search

STRANGER = agent(9)
FOUR_EYES = ReviewPolicy(four_eyes_above=Decimal(10_000))


def approves(agent_id: int) -> Decision:
    return Decision(agent_id, Choice.APPROVE)


def rejects(agent_id: int) -> Decision:
    return Decision(agent_id, Choice.REJECT)


def outcome(
    of: Review,
    decision: Decision,
    chain: Sequence[Agent] = CHAIN,
    *,
    decider: Agent | None = None,
    stands_in_for: Iterable[int] = (),
    policy: ReviewPolicy | None = None,
    exposure: int | None = 0,
) -> Outcome:
    """What follows from a decision of one of the chain, unless the decider is named."""
    decider = decider or next(member for member in chain if member.agent_id == decision.agent_id)
    claim = Claim(decider, chain, tuple(stands_in_for))
    return decide(of, decision, claim, policy or ReviewPolicy(), None if exposure is None else Decimal(exposure))


def right_of(what: Outcome) -> Grounds:
    assert not isinstance(what, Repeated)
    return what.grounds


@pytest.mark.parametrize("decider", CHAIN, ids=lambda decider: f"agent {decider.agent_id}")
@pytest.mark.parametrize("choice", Choice)
def test_the_assigned_agent_and_every_manager_above_may_decide(decider: Agent, choice: Choice) -> None:
    decision = Decision(decider.agent_id, choice, ("CREDIT_HISTORY",), Personal("met them"))
    decided = outcome(review(amount=50_000), decision)
    assert isinstance(decided, Decided)
    assert decided.decision == decision
    expected = Right.RIGHT_OF_ASSIGNEE if decider.agent_id == 1 else Right.RIGHT_OF_MANAGER
    assert (decided.grounds.right, decided.grounds.on_behalf_of_agent_id) == (expected, None)


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize(
    ("decider", "chain"),
    [(STRANGER, CHAIN), (CHAIN[0], CHAIN[1:]), (CHAIN[0], [])],
    ids=["a stranger", "somebody below the assigned agent", "anybody while nobody is assigned"],
)
def test_nobody_else_may_decide(choice: Choice, decider: Agent, chain: list[Agent]) -> None:
    held = review(assigned_to=chain[0].agent_id if chain else None)
    with pytest.raises(NotAssignedToAgent):
        outcome(held, Decision(decider.agent_id, choice), chain, decider=decider)


@pytest.mark.parametrize("choice", Choice)
def test_nobody_decides_their_own_application(choice: Choice) -> None:
    manager = agent(2, phone=APPLICANT)
    with pytest.raises(NotAssignedToAgent):
        outcome(review(phone=APPLICANT), Decision(2, choice), [CHAIN[0], manager])


def test_nobody_decides_the_application_of_whom_they_stand_in_for() -> None:
    applicant = agent(2, phone=APPLICANT)
    with pytest.raises(NotAssignedToAgent):
        outcome(review(phone=APPLICANT), rejects(9), [CHAIN[0], applicant], decider=STRANGER, stands_in_for=[2])


@pytest.mark.parametrize("decision", [approves(1), rejects(1)], ids=str)
def test_who_has_left_decides_nothing(decision: Decision) -> None:
    left = agent(1, active=False)
    with pytest.raises(AgentNotActive):
        outcome(review(), decision, [left])


SUBSTITUTE = Right.RIGHT_OF_SUBSTITUTE


@pytest.mark.parametrize(
    ("held", "decider_id", "stands_in_for", "expected"),
    [
        (review(assigned_to=9, on_behalf_of=1), 9, [1], (SUBSTITUTE, 1)),
        (review(assigned_to=9, on_behalf_of=1), 9, [], (SUBSTITUTE, 1)),
        (review(assigned_to=9, on_behalf_of=1), 1, [], (Right.RIGHT_OF_ASSIGNEE, None)),
        (review(assigned_to=9, on_behalf_of=1), 3, [], (Right.RIGHT_OF_MANAGER, None)),
        (review(assigned_to=1), 9, [3, 2], (SUBSTITUTE, 2)),
        (review(assigned_to=1), 9, [1], (SUBSTITUTE, 1)),
        (review(assigned_to=2, on_behalf_of=1), 2, [1], (SUBSTITUTE, 1)),
        (review(assigned_to=1), 2, [1, 3], (Right.RIGHT_OF_MANAGER, None)),
    ],
    ids=[
        "who has it on behalf of somebody",
        "who has it still although the cover is over",
        "whom they stand in for",
        "a manager of whom they stand in for",
        "who stands in for two managers acts for the lower one",
        "who stands in for the assigned agent",
        "a manager who has it for a report",
        "a manager who stands in for others has a right of their own",
    ],
)
def test_a_right_is_ones_own_or_that_of_somebody_absent(
    held: Review, decider_id: int, stands_in_for: list[int], expected: tuple[Right, int | None]
) -> None:
    decider = STRANGER if decider_id == 9 else CHAIN[decider_id - 1]
    grounds = right_of(outcome(held, rejects(decider_id), decider=decider, stands_in_for=stands_in_for))
    assert (grounds.right, grounds.on_behalf_of_agent_id) == expected


@pytest.mark.parametrize(
    ("amount", "decider_id", "goes_to"),
    [
        ("50000.00", 1, None),
        ("50000.01", 1, 2),
        ("100000.01", 1, 3),
        ("500000.01", 1, 4),
        ("100000.01", 2, 3),
        ("99999999.99", 4, None),
    ],
)
def test_an_approval_above_the_limit_goes_to_the_lowest_manager_who_may_approve(
    amount: str, decider_id: int, goes_to: int | None
) -> None:
    held = review(amount=amount)
    what = outcome(held, approves(decider_id))
    assert isinstance(what, Recommended) == (goes_to is not None)
    if isinstance(what, Recommended):
        assert search(held, decider_id).higher_authority(what.place) == Holder(goes_to or 0)


@pytest.mark.parametrize(("exposure", "is_within"), [(0, True), (50_000, True), (50_001, False)])
def test_the_limit_is_held_against_all_that_the_customer_owes(exposure: int, *, is_within: bool) -> None:
    what = outcome(review(amount=20_000), approves(1), exposure=exposure)
    assert isinstance(what, Decided) == is_within
    assert right_of(what) == Grounds(Right.RIGHT_OF_ASSIGNEE, None, Decimal(50_000), Decimal(exposure))


def test_without_a_limit_nothing_is_held_against_it() -> None:
    what = outcome(review(amount=99_999_999), approves(4), exposure=None)
    assert right_of(what) == Grounds(Right.RIGHT_OF_MANAGER)
    assert outcome(review(amount=99_999_999), approves(4), exposure=99_999_999) == what


def test_a_limit_cannot_be_held_while_the_exposure_is_not_known() -> None:
    with pytest.raises(ExposureUnknown):
        outcome(review(), approves(1), exposure=None)


def test_a_type_of_loan_may_have_a_limit_of_its_own() -> None:
    skilled = replace(agent(1), limits={"": Decimal(10_000), "HOME": Decimal(30_000), "AUTO": None})
    assert isinstance(outcome(review(amount=20_000), approves(1), [skilled]), Decided)
    careful = replace(agent(1), limits={"": None, "HOME": Decimal(10_000)})
    assert isinstance(outcome(review(amount=20_000), approves(1), [careful, CHAIN[3]]), Recommended)


def test_rejecting_needs_no_limit_and_no_exposure() -> None:
    what = outcome(review(amount=10_000_000), rejects(1), exposure=None)
    assert what == Decided(rejects(1), Grounds(Right.RIGHT_OF_ASSIGNEE))


@pytest.mark.parametrize("made", [approves(1), rejects(1), approves(3)], ids=str)
def test_the_same_decision_of_the_same_agent_again_answers_the_one_that_stands(made: Decision) -> None:
    decided = review(State.DECIDED, decision=made)
    again = replace(made, reason_codes=("OTHER",), comment=Personal("once more"))
    assert outcome(decided, again) == Repeated(made)


def test_the_same_decision_again_is_answered_although_the_agent_has_left() -> None:
    decided = review(State.DECIDED, decision=approves(9))
    assert outcome(decided, approves(9), decider=agent(9, active=False)) == Repeated(approves(9))


@pytest.mark.parametrize(
    ("other", "refusal"),
    [(rejects(1), DecisionAlreadyMade), (approves(2), DecisionAlreadyMade), (approves(9), NotAssignedToAgent)],
    ids=["another choice", "another agent with the right to decide", "an agent without it"],
)
def test_another_decision_does_not_replace_the_one_that_stands(other: Decision, refusal: type[ServiceError]) -> None:
    decider = STRANGER if other.agent_id == 9 else CHAIN[other.agent_id - 1]
    with pytest.raises(refusal):
        outcome(review(State.DECIDED, decision=approves(1)), other, decider=decider)


@pytest.mark.parametrize(
    "said", [{"recommended_by": (1,)}, {"first_approved_by": 1}], ids=["a recommendation", "the first approval"]
)
@pytest.mark.parametrize("state", [State.OPEN, State.DECIDED])
def test_repeating_what_did_not_suffice_changes_nothing_whatever_became_of_the_review(
    state: State, said: dict[str, object]
) -> None:
    made = None if state is State.OPEN else rejects(2)
    moved = replace(review(state, amount=80_000, assigned_to=2, decision=made), **said)  # type: ignore[arg-type]  # of the case
    assert outcome(moved, approves(1), CHAIN[1:], decider=CHAIN[0]) == Repeated(None)


def test_who_still_has_the_review_recommends_it_once() -> None:
    assert outcome(review(amount=80_000, recommended_by=(1,)), approves(1)) == Repeated(None)


def test_who_recommended_approval_may_not_reject_any_more() -> None:
    with pytest.raises(NotAssignedToAgent):
        outcome(review(assigned_to=2, recommended_by=(1,)), rejects(1), CHAIN[1:], decider=CHAIN[0])


def test_the_top_may_approve_what_it_recommended_once_its_limit_is_lifted() -> None:
    recommended = review(amount=80_000, assigned_to=4, recommended_by=(4,))
    assert isinstance(outcome(recommended, approves(4), [agent(4)]), Decided)


@pytest.mark.parametrize("decision", [None, approves(1)], ids=["cancelled before", "decided too late"])
def test_a_cancelled_review_is_decided_by_nobody(decision: Decision | None) -> None:
    with pytest.raises(LoanNotUnderReview):
        outcome(review(State.CANCELLED, decision=decision), approves(1))


def test_a_review_cancelled_before_it_was_opened_is_decided_by_nobody() -> None:
    tombstone = replace(review(State.CANCELLED, assigned_to=None), application=None, opened_at=None)
    with pytest.raises(LoanNotUnderReview):
        outcome(tombstone, approves(1))


def test_above_an_amount_two_different_agents_must_approve_within_their_limits() -> None:
    held = review(amount=20_000)
    first = outcome(held, approves(1), policy=FOUR_EYES)
    assert isinstance(first, FirstApproved)
    once = replace(held, first_approved_by=1)
    assert outcome(once, approves(1), policy=FOUR_EYES) == Repeated(None)
    assert isinstance(outcome(once, approves(2), policy=FOUR_EYES), Decided)
    above = replace(review(amount=120_000, first_approved_by=4))
    assert isinstance(outcome(above, approves(2), policy=FOUR_EYES), Recommended)


def test_two_agents_are_needed_only_above_the_amount_and_only_to_approve() -> None:
    assert isinstance(outcome(review(amount=10_000), approves(1), policy=FOUR_EYES), Decided)
    assert isinstance(outcome(review(amount=20_000), rejects(1), policy=FOUR_EYES), Decided)
    assert isinstance(outcome(review(first_approved_by=1), rejects(2), policy=FOUR_EYES), Decided)


@st.composite
def trees(draw: st.DrawFn) -> dict[int, int | None]:
    """The manager of each agent; managers have lower ids, so there is no cycle."""
    return {
        agent_id: draw(st.none() | st.integers(1, agent_id - 1)) if agent_id > 1 else None
        for agent_id in range(1, draw(st.integers(1, 12)) + 1)
    }


def chain_from(agent_id: int | None, manager_of: dict[int, int | None]) -> list[Agent]:
    chain = []
    while agent_id is not None:
        chain.append(agent(agent_id, manager_id=manager_of[agent_id]))
        agent_id = manager_of[agent_id]
    return chain


@given(trees(), st.data())
def test_authority_is_exactly_being_assigned_or_having_authority_over_a_report_who_has_it(
    manager_of: dict[int, int | None], draws: st.DataObject
) -> None:
    ids = st.sampled_from(sorted(manager_of))
    assigned, decider = draws.draw(ids), draws.draw(ids)
    reports = [report for report, manager in manager_of.items() if manager == decider]

    def has_it(agent_id: int) -> bool:
        claim = Claim(agent(agent_id), chain_from(assigned, manager_of))
        return authority(review(assigned_to=assigned), claim) is not None

    assert has_it(decider) == (decider == assigned or any(has_it(report) for report in reports))


@given(st.lists(st.none() | st.integers(1, 100), min_size=1, max_size=6), st.integers(1, 100), st.integers(0, 100))
def test_approving_upwards_ends_in_a_decision_exactly_if_somebody_in_the_chain_may_approve(
    limits: list[int | None], amount: int, exposure: int
) -> None:
    chain = [agent(number, limit=limit) for number, limit in enumerate(limits, start=1)]
    holder, steps = chain[0], 0
    while True:
        held, above = review(amount=amount, assigned_to=holder.agent_id), chain[chain.index(holder) :]
        what = outcome(held, approves(holder.agent_id), above, exposure=exposure)
        if not isinstance(what, Recommended):
            break
        found = search(held, holder.agent_id, above, exposure=exposure).higher_authority(what.place)
        if found is None:
            break
        holder, steps = chain[found.agent_id - 1], steps + 1
    needed = Decimal(max(amount, exposure))
    assert isinstance(what, Decided) == any(member.may_approve("HOME", needed) for member in chain)
    assert steps <= 1
