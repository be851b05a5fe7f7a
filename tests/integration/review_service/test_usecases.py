"""Use cases on a real database, one after the other; races are in test_races."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chassis.personal import Name, Personal
from review_service.domain import (
    AgentNotFound,
    Choice,
    Decision,
    DecisionAlreadyMade,
    EmailAlreadyTaken,
    Grounds,
    LoanNotUnderReview,
    ManagerCycle,
    NotAssignedToAgent,
    ReviewNotFound,
    Right,
    State,
    Step,
    StepKind,
)
from tests.integration.review_service.office import Office, application


def test_reviews_opened_together_are_shared_out_evenly(office: Office) -> None:
    first, second, third = office.hire(), office.hire(), office.hire()
    office.open(application())
    office.open(*(application() for _ in range(1_000)))
    assert office.loads() == {first.agent_id: 334, second.agent_id: 334, third.agent_id: 333}


def test_opening_a_review_again_changes_nothing(office: Office) -> None:
    agent = office.hire()
    loan = application()
    office.open(loan, loan)
    before = office.review(loan.loan_id)
    office.open(loan, application(99_000, loan_id=loan.loan_id))
    assert office.review(loan.loan_id) == before
    assert office.open_count(agent) == 1
    assert len(office.jobs("record_steps")) == 1


def test_an_assignment_tells_the_loan_service_the_agent_and_the_manager(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    (loan_id,) = office.open(application("20000.5"))
    assert office.jobs("record_steps") == {f"record_steps:{loan_id}:1": {"loan_id": str(loan_id)}}
    (step,) = office.steps(loan_id)
    assert (step.number, step.kind, step.actor, step.assigned_agent_id) == (1, "ASSIGNED", "system", agent.agent_id)
    assert step.occurred_at == office.review(loan_id).assigned_at
    assert office.jobs("notify_staff") == {
        f"push:{loan_id}:step-1:agent": {
            "dedupe_key": f"push:{loan_id}:step-1:agent",
            "loan_id": str(loan_id),
            "recipient": f"agent:{agent.agent_id}",
            "template": "LOAN_ASSIGNED",
            "named_agent_id": None,
        },
        f"push:{loan_id}:step-1:manager": {
            "dedupe_key": f"push:{loan_id}:step-1:manager",
            "loan_id": str(loan_id),
            "recipient": f"agent:{manager.agent_id}",
            "template": "LOAN_ASSIGNED_TO_REPORT",
            "named_agent_id": agent.agent_id,
        },
    }


def test_without_a_manager_only_the_agent_is_notified(office: Office) -> None:
    office.hire()
    (loan_id,) = office.open()
    assert set(office.jobs("notify_staff")) == {f"push:{loan_id}:step-1:agent"}


def test_a_manager_gets_reviews_only_while_nobody_below_is_available(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head, available=False)
    agent = office.hire(manager)
    assert office.holder(*office.open()) == agent.agent_id
    office.change(agent, {"is_available": False})
    assert office.holder(*office.open()) == head.agent_id
    office.change(manager, {"is_available": True})
    assert office.holder(*office.open()) == manager.agent_id


def test_nobody_is_assigned_their_own_application(office: Office) -> None:
    applicant = office.hire(phone="+14155550123")
    (own,) = office.open(application(phone="+14155550123"))
    (other,) = office.open(application(phone="+14155550124"))
    assert (office.holder(own), office.holder(other)) == (None, applicant.agent_id)
    colleague = office.hire()
    assert office.holder(own) == colleague.agent_id


def test_a_review_waits_while_nobody_is_available_and_goes_to_whoever_is_hired(office: Office) -> None:
    office.hire(available=False)
    waiting = office.open(application(), application())
    assert [office.holder(loan_id) for loan_id in waiting] == [None, None]
    hired = office.hire()
    assert hired.open_review_count == 2
    assert {office.holder(loan_id) for loan_id in waiting} == {hired.agent_id}


def test_a_review_waits_while_nobody_is_available_and_goes_to_whoever_becomes_available(office: Office) -> None:
    away = office.hire(available=False)
    (waiting,) = office.open()
    assert office.change(away, {"is_available": True}).open_review_count == 1
    assert office.holder(waiting) == away.agent_id


def test_waiting_reviews_are_assigned_the_oldest_first_and_a_bounded_number_at_a_time(office: Office) -> None:
    older = office.open(*(application() for _ in range(600)))
    newer = office.open(*(application() for _ in range(600)))
    agent = office.hire()
    assert office.open_count(agent) == 1_000
    assert all(office.holder(loan_id) for loan_id in older[::100])
    office.settle()
    assert office.open_count(agent) == 1_200
    assert all(office.holder(loan_id) for loan_id in newer[::100])


def test_an_agent_who_becomes_unavailable_keeps_the_open_reviews(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    (loan_id,) = office.open()
    assert office.change(agent, {"is_available": False}).open_review_count == 1
    assert office.holder(loan_id) == agent.agent_id
    assert office.decide(loan_id, manager, Choice.REJECT) == Decision(manager.agent_id, Choice.REJECT)


def test_a_decision_ends_the_review_and_is_told_to_the_loan_service(office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    made = office.decide(loan_id, agent, Choice.REJECT, why=["INCOME_INSUFFICIENT"], comment="too little")
    assert made == Decision(agent.agent_id, Choice.REJECT, ("INCOME_INSUFFICIENT",), Personal("too little"))
    decided = office.review(loan_id)
    assert (decided.state, decided.decision, office.open_count(agent)) == (State.DECIDED, made, 0)
    assert decided.grounds == Grounds(Right.RIGHT_OF_ASSIGNEE)
    assert office.jobs("record_decision") == {f"record_decision:{loan_id}": {"loan_id": str(loan_id)}}


def test_the_same_decision_again_answers_the_first_one_and_another_is_refused(office: Office) -> None:
    manager = office.hire()
    agent, stranger = office.hire(manager), office.hire()
    loan_ids = office.open(application(), application())
    loan_id = next(each for each in loan_ids if office.holder(each) == agent.agent_id)
    made = office.decide(loan_id, agent, comment="first")
    assert office.decide(loan_id, agent, comment="second") == made
    with pytest.raises(DecisionAlreadyMade):
        office.decide(loan_id, agent, Choice.REJECT)
    with pytest.raises(DecisionAlreadyMade):
        office.decide(loan_id, manager)
    with pytest.raises(NotAssignedToAgent):
        office.decide(loan_id, stranger)
    assert office.open_count(agent) == 0


def test_an_approval_above_the_limit_moves_the_review_up_and_tells_so(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head, limit=500_000)
    agent = office.hire(manager, limit=50_000)
    (loan_id,) = office.open(application(80_000))
    assert office.decide(loan_id, agent, why=["INCOME_VERIFIED"], comment="sound", exposure=Decimal(90_000)) is None
    moved = office.review(loan_id)
    assert (moved.state, moved.assigned_agent_id, moved.recommended_by, moved.decision) == (
        State.OPEN,
        manager.agent_id,
        (agent.agent_id,),
        None,
    )
    assert (office.open_count(agent), office.open_count(manager)) == (0, 1)
    told = {key: args["recipient"] for key, args in office.jobs("notify_staff").items() if "step-1" not in key}
    assert told == {
        f"push:{loan_id}:step-3:agent": f"agent:{manager.agent_id}",
        f"push:{loan_id}:step-3:manager": f"agent:{head.agent_id}",
    }
    _, recommended, assigned = office.steps(loan_id)
    assert recommended == Step(
        loan_id=loan_id,
        number=2,
        kind=StepKind.RECOMMENDED,
        occurred_at=assigned.occurred_at,
        actor=f"agent:{agent.agent_id}",
        reason_codes=("INCOME_VERIFIED",),
        comment=Personal("sound"),
        right=Right.RIGHT_OF_ASSIGNEE,
        approval_limit=Decimal(50_000),
        customer_exposure=Decimal(90_000),
    )
    assert (assigned.kind, assigned.actor, assigned.assigned_agent_id) == ("ASSIGNED", "system", manager.agent_id)
    assert not office.jobs("record_decision")


def test_a_recommendation_skips_managers_who_may_not_approve_either(office: Office) -> None:
    head = office.hire()
    agent = office.hire(office.hire(head, limit=60_000), limit=50_000)
    (loan_id,) = office.open(application(80_000))
    office.decide(loan_id, agent)
    assert office.holder(loan_id) == head.agent_id


def test_repeating_a_recommendation_moves_nothing(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager, limit=50_000)
    (loan_id,) = office.open(application(80_000))
    assert office.decide(loan_id, agent) is None
    assert office.decide(loan_id, agent) is None
    assert office.kinds(loan_id) == ["ASSIGNED", "RECOMMENDED", "ASSIGNED"]
    office.decide(loan_id, manager, Choice.REJECT)
    assert office.decide(loan_id, agent) is None


def test_a_recommendation_that_nobody_may_grant_stays_at_the_top_until_a_limit_is_lifted(office: Office) -> None:
    head = office.hire(limit=60_000)
    agent = office.hire(head, limit=50_000)
    (loan_id,) = office.open(application(80_000))
    office.decide(loan_id, agent)
    assert office.decide(loan_id, head) is None
    assert office.decide(loan_id, head) is None
    stuck = office.review(loan_id)
    assert (stuck.assigned_agent_id, stuck.recommended_by) == (head.agent_id, (agent.agent_id, head.agent_id))
    assert office.kinds(loan_id) == ["ASSIGNED", "RECOMMENDED", "ASSIGNED", "RECOMMENDED"]
    office.change(head, {"approval_limit": None})
    assert office.decide(loan_id, head) == Decision(head.agent_id, Choice.APPROVE)


def test_deciding_without_an_agent_a_review_or_an_assignee_is_refused(office: Office) -> None:
    agent = office.hire(available=False)
    (waiting,) = office.open()
    with pytest.raises(NotAssignedToAgent):
        office.decide(waiting, agent)
    with pytest.raises(ReviewNotFound):
        office.decide(application().loan_id, agent)
    with pytest.raises(AgentNotFound):
        office.decide(waiting, replace(agent, agent_id=2**31 - 1))


def test_cancelling_an_open_review_takes_it_from_its_agent(office: Office) -> None:
    agent = office.hire()
    first, second = office.open(application(), application())
    office.cancel(first)
    office.cancel(first)
    assert (office.review(first).state, office.open_count(agent)) == (State.CANCELLED, 1)
    with pytest.raises(LoanNotUnderReview):
        office.decide(first, agent)
    assert office.holder(second) == agent.agent_id


def test_cancelling_before_opening_is_remembered(office: Office) -> None:
    agent = office.hire()
    loan = application()
    office.cancel(loan.loan_id)
    office.open(loan, application())
    tombstone = office.review(loan.loan_id)
    assert (tombstone.state, tombstone.application, office.open_count(agent)) == (State.CANCELLED, None, 1)
    with pytest.raises(LoanNotUnderReview):
        office.decide(loan.loan_id, agent)


def test_cancelling_a_decided_review_changes_nothing(office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    office.decide(loan_id, agent)
    before = office.review(loan_id)
    office.cancel(loan_id)
    assert office.review(loan_id) == before


def test_cancelling_a_waiting_review_leaves_nothing_to_assign(office: Office) -> None:
    waiting = office.open()
    office.cancel(*waiting)
    assert office.hire().open_review_count == 0


def test_an_email_address_belongs_to_one_agent(office: Office) -> None:
    first, second = office.hire(), office.hire()
    with pytest.raises(EmailAlreadyTaken):
        office.change(second, {"email": first.email})
    assert office.change(first, {"email": first.email, "name": Name("Renamed")}).name == "Renamed"


def test_nobody_becomes_their_own_manager(office: Office) -> None:
    head = office.hire()
    manager = office.hire(head)
    agent = office.hire(manager)
    for above in (head, manager, agent):
        with pytest.raises(ManagerCycle):
            office.change(head, {"manager_id": above.agent_id})
    moved = office.change(agent, {"manager_id": head.agent_id})
    assert office.change(manager, {"manager_id": moved.agent_id}).manager_id == agent.agent_id
    assert office.change(agent, {"manager_id": None}).manager_id is None


def test_an_unknown_agent_or_manager_is_said(office: Office) -> None:
    agent = office.hire()
    nobody = replace(agent, agent_id=2**31 - 1)
    with pytest.raises(AgentNotFound, match="there is no agent 2147483647"):
        office.change(agent, {"manager_id": nobody.agent_id})
    with pytest.raises(AgentNotFound, match="there is no agent 2147483647"):
        office.hire(nobody)
    with pytest.raises(AgentNotFound, match="there is no agent 2147483647"):
        office.change(nobody, {"name": Name("Nobody")})


def test_changing_nothing_leaves_the_agent_as_it_was(office: Office) -> None:
    agent = office.hire()
    assert office.change(agent, {}) == agent
    assert office.change(agent, {"name": agent.name}).updated_at == agent.updated_at
