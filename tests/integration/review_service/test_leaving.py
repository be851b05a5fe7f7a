"""Agents who leave, what becomes of their work, and who comes back."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from review_service.domain import (
    Agent,
    AgentNotActive,
    AgentNotFound,
    AgentStillNeeded,
    ApplicantIsAgent,
    Holder,
    State,
)
from tests.integration.review_service.office import Office, application

STEPS = text("SELECT kind, actor, assigned_agent_id FROM review_steps WHERE loan_id = :loan_id ORDER BY number")


def steps(office: Office, loan_id: UUID) -> Sequence[tuple[object, ...]]:
    return [tuple(row) for row in office.rows(STEPS, loan_id=loan_id)]


def manager_id(office: Office, agent: Agent) -> int | None:
    return office.agent(agent).manager_id


def test_who_is_not_needed_any_more_leaves(office: Office) -> None:
    agent = office.hire(limit=100)
    (loan_id,) = office.open()
    office.cancel(loan_id)
    gone = office.dismiss(agent)
    assert not gone.is_active
    assert gone.updated_at > agent.updated_at
    assert office.dismiss(agent) == gone
    assert office.holder(*office.open()) is None


def test_who_has_open_reviews_or_reports_is_needed(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    office.open()
    for needed in (manager, agent):
        with pytest.raises(AgentStillNeeded):
            office.dismiss(needed)
        assert office.agent(needed).is_active


def test_a_successor_takes_over_reviews_and_reports(office: Office) -> None:
    head = office.hire()
    agent = office.hire(head)
    successor = office.hire(head, available=False)
    report = office.hire(agent, available=False)
    loan_ids = office.open(application(), application())
    due = office.review(loan_ids[0]).due_at
    office.dismiss(agent, successor)
    for loan_id in loan_ids:
        assert office.holder(loan_id) == successor.agent_id
        assert steps(office, loan_id) == [
            ("ASSIGNED", "system", agent.agent_id),
            ("REASSIGNED", "system", successor.agent_id),
        ]
        pushes = office.jobs("notify_staff")
        assert pushes[f"push:{loan_id}:step-2:agent"]["recipient"] == f"agent:{successor.agent_id}"
        assert pushes[f"push:{loan_id}:step-2:manager"]["recipient"] == f"agent:{head.agent_id}"
    assert office.review(loan_ids[0]).due_at == due
    assert (office.open_count(agent), office.open_count(successor)) == (0, 2)
    assert manager_id(office, report) == successor.agent_id


def test_of_what_a_successor_takes_over_whoever_is_their_manager_then_is_told(office: Office) -> None:
    head = office.hire(available=False)
    agent = office.hire(head)
    successor = office.hire(agent, available=False)
    (loan_id,) = office.open()
    office.dismiss(agent, successor)
    told = office.jobs("notify_staff")[f"push:{loan_id}:step-2:manager"]
    assert told["recipient"] == f"agent:{head.agent_id}"


def test_without_a_successor_reviews_are_shared_out_again_and_reports_move_up(office: Office) -> None:
    head = office.hire()
    agent = office.hire(head)
    report = office.hire(agent, available=False)
    loan_ids = office.open(application(), application())
    office.dismiss(agent, reassign=True)
    for loan_id in loan_ids:
        assert steps(office, loan_id)[1:] == [("UNASSIGNED", "system", None)]
    assert not office.assign_waiting()
    assert {office.holder(loan_id) for loan_id in loan_ids} == {head.agent_id}
    assert manager_id(office, report) == head.agent_id


def test_reviews_that_nobody_can_take_wait_after_their_agent_has_left(office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    office.dismiss(agent, reassign=True)
    assert office.holder(loan_id) is None
    office.rehire(agent)
    assert office.holder(loan_id) == agent.agent_id
    assert office.review(loan_id).assignment_number == 2


def test_a_report_who_succeeds_takes_the_place_of_the_manager(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head)
    successor, other = office.hire(manager), office.hire(manager)
    office.dismiss(manager, successor)
    assert manager_id(office, successor) == head.agent_id
    assert manager_id(office, other) == successor.agent_id


def test_somebody_deeper_below_who_succeeds_leaves_no_circle(office: Office) -> None:
    manager = office.hire()
    between = office.hire(manager)
    successor = office.hire(between)
    office.dismiss(manager, successor)
    assert manager_id(office, successor) is None
    assert manager_id(office, between) == successor.agent_id


def test_the_own_manager_succeeds(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head)
    report = office.hire(manager)
    office.dismiss(manager, head)
    assert manager_id(office, report) == head.agent_id


def test_reports_who_have_left_need_nobody(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head)
    report = office.hire(manager)
    office.dismiss(report)
    office.dismiss(manager)
    assert manager_id(office, report) == head.agent_id


def test_what_a_successor_would_get_while_absent_goes_to_the_substitute(office: Office) -> None:
    agent, successor, substitute = office.hire(), office.hire(available=False), office.hire(available=False)
    (loan_id,) = office.open()
    office.cover(successor, substitute)
    office.dismiss(agent, successor)
    assert office.review(loan_id).holder == Holder(substitute.agent_id, successor.agent_id)


def test_covers_end_with_either_of_the_two(office: Office) -> None:
    leaver, absent, substitute = office.hire(), office.hire(), office.hire(available=False)
    office.cover(absent, leaver)
    office.cover(leaver, substitute, starts_in_s=600)
    (loan_id,) = office.open()
    assert office.holder(loan_id) == leaver.agent_id
    office.dismiss(leaver, absent)
    assert office.review(loan_id).holder == Holder(absent.agent_id)
    assert office.agent(absent).substitute_id is None
    office.rehire(leaver)
    assert not office.rows(text("SELECT 1 FROM covers WHERE ends_at > now() AND ends_at > starts_at"))


@pytest.mark.parametrize("absent", [True, False])
def test_nobody_succeeds_to_their_own_application(office: Office, *, absent: bool) -> None:
    agent = office.hire()
    applicant = office.hire(available=False, phone="+14155550123")
    successor = office.hire(available=False) if absent else applicant
    (loan_id,) = office.open(application(phone="+14155550123"))
    if absent:
        office.cover(successor, applicant)
    with pytest.raises(ApplicantIsAgent):
        office.dismiss(agent, successor)
    assert (office.agent(agent).is_active, office.holder(loan_id)) == (True, agent.agent_id)


def test_a_successor_must_be_there(office: Office) -> None:
    agent, gone, nobody = office.hire(), office.hire(), office.hire()
    office.dismiss(gone)
    office.rows(text("DELETE FROM agents WHERE agent_id = :agent_id RETURNING 1"), agent_id=nobody.agent_id)
    with pytest.raises(AgentNotActive):
        office.dismiss(agent, gone)
    with pytest.raises(AgentNotFound):
        office.dismiss(agent, nobody)
    with pytest.raises(AgentNotFound):
        office.dismiss(nobody)
    with pytest.raises(AgentNotFound):
        office.rehire(nobody)


def test_who_has_left_decides_nothing_and_leads_nobody(office: Office) -> None:
    head = office.hire(available=False)
    manager = office.hire(head, available=False)
    office.dismiss(manager)
    agent = office.hire(head)
    (loan_id,) = office.open()
    with pytest.raises(AgentNotActive):
        office.decide(loan_id, manager)
    with pytest.raises(AgentNotActive):
        office.hire(manager)
    with pytest.raises(AgentNotActive):
        office.change(agent, {"manager_id": manager.agent_id})
    assert office.review(loan_id).state is State.OPEN


def test_who_has_left_is_given_nothing_though_available(office: Office) -> None:
    agent = office.hire(available=False)
    office.dismiss(agent)
    (loan_id,) = office.open()
    assert office.change(agent, {"is_available": True}).open_review_count == 0
    assert office.holder(loan_id) is None


def test_activating_an_active_agent_changes_nothing(office: Office) -> None:
    agent = office.hire()
    assert office.rehire(agent) == agent


@pytest.mark.parametrize("change", ["hire above", "leave below", "come back above"])
def test_a_change_of_the_tree_lets_overdue_reviews_look_up_again(office: Office, change: str) -> None:
    above = office.hire(available=False)
    if change == "come back above":
        office.dismiss(above)
    agent = office.hire()
    (loan_id,) = office.open()
    office.rows(text("UPDATE reviews SET at_top = TRUE RETURNING 1"))
    if change == "hire above":
        office.change(agent, {"manager_id": above.agent_id})
    elif change == "leave below":
        office.dismiss(office.hire(agent, available=False))
    else:
        office.rehire(above)
    assert not office.review(loan_id).at_top
