"""Overdue reviews move up, one step at a time."""

from datetime import timedelta

from review_service.domain import Choice, Decision, StepKind
from tests.integration.review_service.office import Office, application


def test_an_overdue_review_moves_to_the_manager_and_both_are_told(office: Office) -> None:
    manager = office.hire(office.hire())
    agent = office.hire(manager)
    (loan_id,) = office.open(application("20000.5"))
    office.make_overdue(loan_id)
    office.escalate()
    moved = office.review(loan_id)
    assert (moved.assigned_agent_id, moved.escalation_count, moved.at_top) == (manager.agent_id, 1, False)
    assert moved.assigned_at is not None
    assert moved.due_at == office.policy.deadlines.due_at("HOME", moved.assigned_at)
    assert (office.open_count(agent), office.open_count(manager)) == (0, 1)
    step = office.steps(loan_id)[-1]
    assert (step.kind, step.actor, step.assigned_agent_id) == (StepKind.ESCALATED, "system", manager.agent_id)
    told = {key: args for key, args in office.jobs("notify_staff").items() if "step-2" in key}
    assert {key: (args["recipient"], args["template"]) for key, args in told.items()} == {
        f"push:{loan_id}:step-2:from": (f"agent:{agent.agent_id}", "LOAN_ESCALATED"),
        f"push:{loan_id}:step-2:manager": (f"agent:{manager.agent_id}", "LOAN_ESCALATED_TO_MANAGER"),
    }
    assert all(args["named_agent_id"] == agent.agent_id for args in told.values())


def test_what_is_not_due_yet_stays(office: Office) -> None:
    office.hire(office.hire())
    (loan_id,) = office.open()
    office.escalate()
    due_at = office.review(loan_id).due_at
    assert due_at is not None
    office.escalate(due_at - timedelta(microseconds=1))
    assert office.kinds(loan_id) == ["ASSIGNED"]
    office.escalate(due_at)
    assert office.kinds(loan_id) == ["ASSIGNED", "ESCALATED"]


def test_it_moves_up_at_most_as_often_as_the_tree_is_deep(office: Office) -> None:
    head = office.hire()
    office.hire(office.hire(head))
    (loan_id,) = office.open()
    for _ in range(5):
        office.make_overdue(loan_id)
        office.escalate()
        office.escalate()
    last = office.review(loan_id)
    assert (last.assigned_agent_id, last.escalation_count, last.at_top) == (head.agent_id, 2, True)
    assert office.kinds(loan_id) == ["ASSIGNED", "ESCALATED", "ESCALATED"]


def test_what_waits_for_somebody_is_not_escalated_and_its_clock_begins_when_it_is_assigned(office: Office) -> None:
    manager = office.hire(available=False)
    agent = office.hire(manager, available=False)
    (loan_id,) = office.open()
    office.make_overdue(loan_id)
    office.escalate()
    assert office.kinds(loan_id) == []
    office.change(agent, {"is_available": True})
    office.escalate()
    taken = office.review(loan_id)
    assert taken.assigned_at is not None
    assert taken.due_at == office.policy.deadlines.due_at("HOME", taken.assigned_at)
    assert office.kinds(loan_id) == ["ASSIGNED"]


def test_who_had_it_before_may_not_decide_it_any_more_and_who_has_it_may(office: Office) -> None:
    manager = office.hire()
    office.hire(manager)
    (loan_id,) = office.open()
    office.make_overdue(loan_id)
    office.escalate()
    assert office.decide(loan_id, manager, Choice.REJECT) == Decision(manager.agent_id, Choice.REJECT)
    office.escalate()
    assert office.kinds(loan_id) == ["ASSIGNED", "ESCALATED"]


def test_a_manager_who_is_absent_is_escalated_to_as_whom_stands_in(office: Office) -> None:
    manager, substitute = office.hire(), office.hire(available=False)
    agent = office.hire(manager)
    (loan_id,) = office.open()
    assert office.holder(loan_id) == agent.agent_id
    office.cover(manager, substitute)
    office.make_overdue(loan_id)
    office.escalate()
    holder = office.review(loan_id).known_holder
    assert (holder.agent_id, holder.on_behalf_of_agent_id) == (substitute.agent_id, manager.agent_id)


def test_many_at_once_are_taken_a_bounded_number_at_a_time(office: Office) -> None:
    manager = office.hire(available=False)
    office.hire(manager)
    loan_ids = office.open(*(application() for _ in range(450)))
    office.make_overdue(*loan_ids)
    assert [office.escalate() for _ in range(3)] == [True, True, False]
    assert office.open_count(manager) == 450
