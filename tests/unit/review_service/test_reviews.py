"""Who may decide a review, and what follows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import ServiceError
from review_service.domain import (
    Agent,
    Application,
    Choice,
    Decided,
    Decision,
    DecisionAlreadyMade,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Recommended,
    Repeated,
    State,
    authority,
    decide,
)
from tests.unit.review_service.people import agent, application, review

# The assigned agent, their manager, the manager's manager and the head.
CHAIN = [agent(1, limit=50_000), agent(2, limit=100_000), agent(3, limit=500_000), agent(4)]
STRANGER = agent(9)


def approves(agent_id: int) -> Decision:
    return Decision(agent_id, Choice.APPROVE)


def rejects(agent_id: int) -> Decision:
    return Decision(agent_id, Choice.REJECT)


@pytest.mark.parametrize("decider", CHAIN, ids=lambda decider: f"agent {decider.agent_id}")
@pytest.mark.parametrize("choice", Choice)
def test_the_assigned_agent_and_every_manager_above_may_decide(decider: Agent, choice: Choice) -> None:
    decision = Decision(decider.agent_id, choice, ("KNOWN_CUSTOMER",), "met them")
    assert decide(review(amount=50_000), decision, decider, CHAIN) == Decided(decision)


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize(
    ("decider", "chain"),
    [(STRANGER, CHAIN), (CHAIN[0], CHAIN[1:]), (CHAIN[0], [])],
    ids=["a stranger", "somebody below the assigned agent", "anybody while nobody is assigned"],
)
def test_nobody_else_may_decide(choice: Choice, decider: Agent, chain: list[Agent]) -> None:
    with pytest.raises(NotAssignedToAgent):
        decide(review(), Decision(decider.agent_id, choice), decider, chain)


@pytest.mark.parametrize("choice", Choice)
def test_nobody_decides_their_own_application(choice: Choice) -> None:
    manager = agent(2, phone="+14155550123")
    with pytest.raises(NotAssignedToAgent):
        decide(review(phone="+14155550123"), Decision(2, choice), manager, [CHAIN[0], manager])


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
    decision = approves(decider_id)
    outcome = decide(review(amount=amount), decision, CHAIN[decider_id - 1], CHAIN)
    assert outcome == (Decided(decision) if goes_to is None else Recommended(decision, goes_to))


def test_an_approval_that_nobody_may_give_goes_to_the_top_and_stays_there() -> None:
    chain = [agent(1, limit=10), agent(2, limit=100), agent(3, limit=1_000)]
    assert decide(review(), approves(1), chain[0], chain) == Recommended(approves(1), 3)
    assert decide(review(), approves(3), chain[2], chain[2:]) == Recommended(approves(3), 3)


def test_a_recommendation_of_the_top_takes_the_review_from_below() -> None:
    chain = [agent(1, limit=10), agent(2, limit=100)]
    assert decide(review(assigned_to=1), approves(2), chain[1], chain) == Recommended(approves(2), 2)


def test_a_recommendation_never_goes_to_the_applicant() -> None:
    chain = [agent(1, limit=10), agent(2, phone="+14155550123"), agent(3)]
    assert decide(review(phone="+14155550123"), approves(1), chain[0], chain) == Recommended(approves(1), 3)


def test_rejecting_needs_no_limit() -> None:
    assert decide(review(amount=10_000_000), rejects(1), CHAIN[0], CHAIN) == Decided(rejects(1))


@pytest.mark.parametrize("made", [approves(1), rejects(1), approves(3)], ids=str)
def test_the_same_decision_of_the_same_agent_again_answers_the_one_that_stands(made: Decision) -> None:
    decided = review(State.DECIDED, decision=made)
    again = replace(made, reason_codes=("OTHER",), comment="once more")
    assert decide(decided, again, CHAIN[made.agent_id - 1], CHAIN) == Repeated(made)


def test_the_same_decision_again_is_answered_although_the_agent_has_left_the_chain() -> None:
    decided = review(State.DECIDED, decision=approves(9))
    assert decide(decided, approves(9), STRANGER, CHAIN) == Repeated(approves(9))


@pytest.mark.parametrize(
    ("other", "refusal"),
    [(rejects(1), DecisionAlreadyMade), (approves(2), DecisionAlreadyMade), (approves(9), NotAssignedToAgent)],
    ids=["another choice", "another agent with the right to decide", "an agent without it"],
)
def test_another_decision_does_not_replace_the_one_that_stands(other: Decision, refusal: type[ServiceError]) -> None:
    decider = STRANGER if other.agent_id == 9 else CHAIN[other.agent_id - 1]
    with pytest.raises(refusal):
        decide(review(State.DECIDED, decision=approves(1)), other, decider, CHAIN)


@pytest.mark.parametrize("state", [State.OPEN, State.DECIDED])
def test_repeating_a_recommendation_changes_nothing_whatever_became_of_the_review(state: State) -> None:
    made = None if state is State.OPEN else rejects(2)
    moved = review(state, amount=80_000, assigned_to=2, recommended_by=(1,), decision=made)
    assert decide(moved, approves(1), CHAIN[0], CHAIN[1:]) == Repeated(None)


def test_who_recommended_approval_may_not_reject_any_more() -> None:
    with pytest.raises(NotAssignedToAgent):
        decide(review(assigned_to=2, recommended_by=(1,)), rejects(1), CHAIN[0], CHAIN[1:])


def test_the_top_may_approve_what_it_recommended_once_its_limit_is_lifted() -> None:
    recommended = review(amount=80_000, assigned_to=4, recommended_by=(4,))
    assert decide(recommended, approves(4), agent(4), [agent(4)]) == Decided(approves(4))


@pytest.mark.parametrize("decision", [None, approves(1)], ids=["cancelled before", "decided too late"])
def test_a_cancelled_review_is_decided_by_nobody(decision: Decision | None) -> None:
    with pytest.raises(LoanNotUnderReview):
        decide(review(State.CANCELLED, decision=decision), approves(1), CHAIN[0], CHAIN)


def test_a_review_cancelled_before_it_was_opened_is_decided_by_nobody() -> None:
    tombstone = replace(review(State.CANCELLED, assigned_to=None), application=None, opened_at=None)
    with pytest.raises(LoanNotUnderReview):
        decide(tombstone, approves(1), CHAIN[0], [])


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
        return authority(agent(agent_id), chain_from(assigned, manager_of), application())

    assert has_it(decider) == (decider == assigned or any(has_it(report) for report in reports))


@given(st.lists(st.none() | st.integers(1, 100), min_size=1, max_size=6), st.integers(1, 100))
def test_approving_upwards_ends_in_a_decision_exactly_if_somebody_in_the_chain_may_approve(
    limits: list[int | None], amount: int
) -> None:
    chain = [agent(number, limit=limit) for number, limit in enumerate(limits, start=1)]
    loan: Application = application(amount)
    holder, steps = chain[0], 0
    while True:
        above = chain[chain.index(holder) :]
        outcome = decide(review(amount=amount, assigned_to=holder.agent_id), approves(holder.agent_id), holder, above)
        if not isinstance(outcome, Recommended) or outcome.agent_id == holder.agent_id:
            break
        holder, steps = chain[outcome.agent_id - 1], steps + 1
    assert isinstance(outcome, Decided) == any(member.may_approve(loan.loan_type, loan.loan_amount) for member in chain)
    assert steps <= 1
