"""Who may decide with which limit, and who comes next; what the domain's tables tell is not told again."""

from decimal import Decimal

import pytest

from review_service.domain import (
    Choice,
    Decision,
    ExposureUnknown,
    Grounds,
    NotAssignedToAgent,
    ReviewPolicy,
    Right,
    StepKind,
)
from tests.integration.review_service.office import Office, application


def test_the_limit_is_held_against_the_exposure_and_both_are_kept_with_the_decision(office: Office) -> None:
    agent = office.hire(office.hire(), limit=50_000)
    within, above = office.open(application(20_000), application(20_000))
    assert office.decide(within, agent, exposure=Decimal(50_000)) == Decision(agent.agent_id, Choice.APPROVE)
    expected = Grounds(Right.RIGHT_OF_ASSIGNEE, None, Decimal(50_000), Decimal(50_000))
    assert office.review(within).grounds == expected
    assert office.decide(above, agent, exposure=Decimal("50000.01")) is None


def test_an_agent_with_a_limit_is_not_believed_without_the_exposure(office: Office) -> None:
    agent = office.hire(limit=50_000)
    (loan_id,) = office.open()
    with pytest.raises(ExposureUnknown):
        office.decide(loan_id, agent, exposure=None)
    assert office.decide(loan_id, agent, Choice.REJECT, exposure=None) == Decision(agent.agent_id, Choice.REJECT)


def test_a_recommendation_goes_to_the_lowest_manager_for_whom_the_exposure_is_not_too_much(office: Office) -> None:
    head = office.hire()
    agent = office.hire(office.hire(head, limit=100_000), limit=50_000)
    (loan_id,) = office.open(application(20_000))
    office.decide(loan_id, agent, exposure=Decimal(150_000))
    assert office.holder(loan_id) == head.agent_id


def test_a_recommendation_restarts_the_clock_and_is_due_by_the_type_of_the_loan(office: Office) -> None:
    agent = office.hire(office.hire(), limit=10_000)
    (loan_id,) = office.open()
    before = office.review(loan_id)
    office.decide(loan_id, agent)
    after = office.review(loan_id)
    assert before.due_at is not None
    assert before.assigned_at is not None
    assert after.assigned_at is not None
    assert after.due_at == office.policy.deadlines.due_at("HOME", after.assigned_at)
    assert after.due_at > before.due_at


def test_what_a_substitute_decides_is_decided_on_behalf_of_whom_they_stand_in_for(office: Office) -> None:
    manager = office.hire()
    absent, colleague = office.hire(manager), office.hire(available=False)
    (loan_id,) = office.open()
    office.cover(absent, colleague)
    assert office.decide(loan_id, colleague) == Decision(colleague.agent_id, Choice.APPROVE)
    assert office.review(loan_id).grounds == Grounds(Right.RIGHT_OF_SUBSTITUTE, absent.agent_id)


def test_the_limit_of_a_substitute_is_their_own_and_what_is_above_it_goes_to_the_managers_of_the_absent(
    office: Office,
) -> None:
    manager = office.hire()
    absent, colleague = office.hire(manager), office.hire(available=False, limit=10_000)
    (loan_id,) = office.open()
    office.cover(absent, colleague)
    assert office.decide(loan_id, colleague) is None
    assert office.holder(loan_id) == manager.agent_id
    recommended = office.steps(loan_id)[2]
    assert (recommended.kind, recommended.right, recommended.on_behalf_of_agent_id) == (
        StepKind.RECOMMENDED,
        Right.RIGHT_OF_SUBSTITUTE,
        absent.agent_id,
    )


def test_the_substitute_of_a_manager_decides_as_the_manager_while_the_cover_lasts(office: Office) -> None:
    manager, stranger = office.hire(), office.hire(available=False)
    office.hire(manager)
    (loan_id,) = office.open()
    with pytest.raises(NotAssignedToAgent):
        office.decide(loan_id, stranger)
    office.cover(manager, stranger)
    assert office.decide(loan_id, stranger, Choice.REJECT) == Decision(stranger.agent_id, Choice.REJECT)
    assert office.review(loan_id).grounds == Grounds(Right.RIGHT_OF_SUBSTITUTE, manager.agent_id)


def test_a_manager_of_another_branch_decides_nothing(office: Office) -> None:
    head = office.hire()
    manager, other = office.hire(head), office.hire(head)
    agent = office.hire(manager)
    office.change(office.hire(other), {"is_available": False})
    (loan_id,) = office.open(application())
    office.reassign(loan_id, head, agent)
    for choice in Choice:
        with pytest.raises(NotAssignedToAgent):
            office.decide(loan_id, other, choice)


def test_an_agent_who_decides_twice_has_decided_once(office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    first = office.decide(loan_id, agent)
    before = office.review(loan_id)
    assert office.decide(loan_id, agent) == first
    assert office.review(loan_id) == before
    assert len(office.jobs("record_decision")) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["from below", "from above"])
def test_two_agents_approve_what_is_above_the_amount_whoever_is_first(office: Office, order: tuple[int, int]) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(10_000))
    manager = office.hire()
    staff = [office.hire(manager), manager]
    first, second = (staff[place] for place in order)
    (loan_id,) = office.open(application(20_000))
    assert office.decide(loan_id, first) is None
    assert office.decide(loan_id, first) is None
    waiting = office.review(loan_id)
    assert (waiting.first_approved_by, waiting.assigned_agent_id) == (first.agent_id, second.agent_id)
    assert office.decide(loan_id, second) == Decision(second.agent_id, Choice.APPROVE)
    note = next(step for step in office.steps(loan_id) if step.kind is StepKind.FIRST_APPROVED)
    assert note.actor == f"agent:{first.agent_id}"


def test_the_second_approval_is_asked_of_a_colleague_if_nobody_in_the_chain_may(office: Office) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(10_000))
    agent = office.hire(office.hire(limit=5_000, available=False))
    (loan_id,) = office.open(application(20_000))
    busy = office.hire(office.hire(available=False))
    office.change(agent, {"is_available": False})
    office.open(application(1_000))
    idle = office.hire(office.hire(available=False))
    assert (office.open_count(busy), office.open_count(idle)) == (1, 0)
    assert office.decide(loan_id, agent) is None
    assert office.holder(loan_id) == idle.agent_id


def test_a_second_approver_above_their_limit_recommends_to_somebody_other_than_the_first(office: Office) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(10_000))
    head = office.hire()
    manager = office.hire(head, limit=100_000)
    agent = office.hire(manager)
    (loan_id,) = office.open(application(20_000))
    assert office.decide(loan_id, agent) is None
    assert office.holder(loan_id) == manager.agent_id
    assert office.decide(loan_id, manager, exposure=Decimal(200_000)) is None
    assert office.holder(loan_id) == head.agent_id
    assert office.decide(loan_id, head) == Decision(head.agent_id, Choice.APPROVE)


def test_below_the_amount_and_to_reject_one_is_enough(office: Office) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(20_000))
    agent = office.hire(office.hire())
    small, large = office.open(application(20_000), application(30_000))
    assert office.decide(small, agent) == Decision(agent.agent_id, Choice.APPROVE)
    assert office.decide(large, agent, Choice.REJECT) == Decision(agent.agent_id, Choice.REJECT)
