"""Giving a review to another agent because a manager wants it so."""

from dataclasses import replace
from typing import TypedDict
from uuid import UUID

import pytest

from chassis.errors import ServiceError
from review_service.domain import (
    Agent,
    AgentAtCapacity,
    AgentChanges,
    AgentNotActive,
    AgentNotAvailable,
    AgentNotFound,
    AgentNotInBranch,
    AgentNotSkilled,
    ApplicantIsAgent,
    Choice,
    LoanNotUnderReview,
    NotAssignedToAgent,
    ReviewNotFound,
    Right,
    StepKind,
)
from tests.integration.review_service.office import Office, application


class Branch(TypedDict):
    """A manager with two agents, and a review that the first has."""

    head: Agent
    manager: Agent
    agent: Agent
    colleague: Agent
    loan_id: UUID


@pytest.fixture
def branch(office: Office) -> Branch:
    head = office.hire()
    manager = office.hire(head)
    agent = office.hire(manager)
    (loan_id,) = office.open()
    colleague = office.hire(manager)
    return {"head": head, "manager": manager, "agent": agent, "colleague": colleague, "loan_id": loan_id}


def test_a_manager_gives_a_review_to_another_of_the_branch(office: Office, branch: Branch) -> None:
    before = office.review(branch["loan_id"])
    after = office.reassign(branch["loan_id"], branch["manager"], branch["colleague"], "she knows them")
    assert office.review(branch["loan_id"]) == after
    assert (after.assigned_agent_id, after.due_at) == (branch["colleague"].agent_id, before.due_at)
    assert (office.open_count(branch["agent"]), office.open_count(branch["colleague"])) == (0, 1)
    step = office.steps(branch["loan_id"])[-1]
    assert (step.kind, step.actor, step.right, step.comment) == (
        StepKind.REASSIGNED,
        f"agent:{branch['manager'].agent_id}",
        Right.RIGHT_OF_MANAGER,
        "she knows them",
    )
    told = {
        key.rpartition(":")[2]: args["template"] for key, args in office.jobs("notify_staff").items() if "step-2" in key
    }
    assert told == {"agent": "LOAN_ASSIGNED", "manager": "LOAN_ASSIGNED_TO_REPORT"}


def test_giving_it_to_the_one_who_has_it_changes_nothing(office: Office, branch: Branch) -> None:
    office.change(branch["agent"], {"is_available": False})
    before = office.review(branch["loan_id"])
    assert office.reassign(branch["loan_id"], branch["manager"], branch["agent"]) == before
    assert office.kinds(branch["loan_id"]) == ["ASSIGNED"]


def test_a_manager_who_has_it_gives_it_to_those_below(office: Office, branch: Branch) -> None:
    office.reassign(branch["loan_id"], branch["head"], branch["manager"])
    assert (
        office.reassign(branch["loan_id"], branch["manager"], branch["agent"]).assigned_agent_id
        == branch["agent"].agent_id
    )
    assert office.steps(branch["loan_id"])[-1].right is Right.RIGHT_OF_ASSIGNEE


def test_who_has_it_and_leads_nobody_gives_it_to_nobody(office: Office, branch: Branch) -> None:
    with pytest.raises(AgentNotInBranch):
        office.reassign(branch["loan_id"], branch["agent"], branch["colleague"])


def test_it_stays_in_the_branch_of_the_manager(office: Office, branch: Branch) -> None:
    elsewhere = office.hire(branch["head"])
    with pytest.raises(AgentNotInBranch):
        office.reassign(branch["loan_id"], branch["manager"], elsewhere)
    with pytest.raises(NotAssignedToAgent):
        office.reassign(branch["loan_id"], elsewhere, elsewhere)
    assert office.reassign(branch["loan_id"], branch["head"], elsewhere).assigned_agent_id == elsewhere.agent_id


def test_who_stands_in_for_a_manager_does_so_on_their_behalf(office: Office, branch: Branch) -> None:
    substitute = office.hire(available=False)
    office.cover(branch["manager"], substitute)
    office.reassign(branch["loan_id"], substitute, branch["colleague"])
    step = office.steps(branch["loan_id"])[-1]
    assert (step.right, step.on_behalf_of_agent_id) == (Right.RIGHT_OF_SUBSTITUTE, branch["manager"].agent_id)


def test_what_is_given_to_somebody_absent_goes_to_their_substitute(office: Office, branch: Branch) -> None:
    substitute = office.hire()
    office.cover(branch["colleague"], substitute)
    after = office.reassign(branch["loan_id"], branch["manager"], branch["colleague"])
    assert after.known_holder.agent_id == substitute.agent_id
    assert after.known_holder.on_behalf_of_agent_id == branch["colleague"].agent_id


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"is_available": False}, AgentNotAvailable),
        ({"max_open_reviews": 0}, AgentAtCapacity),
        ({"loan_types": frozenset({"AUTO"})}, AgentNotSkilled),
        ({"phone": "+14155550123"}, ApplicantIsAgent),
    ],
)
def test_who_could_not_be_given_it_by_the_system_is_not_given_it_by_a_manager(
    office: Office, branch: Branch, changes: AgentChanges, refusal: type[ServiceError]
) -> None:
    office.change(branch["colleague"], changes)
    with pytest.raises(refusal):
        office.reassign(branch["loan_id"], branch["manager"], branch["colleague"])
    assert office.holder(branch["loan_id"]) == branch["agent"].agent_id


def test_who_has_left_is_given_nothing_and_gives_nothing(office: Office, branch: Branch) -> None:
    office.dismiss(branch["colleague"])
    with pytest.raises(AgentNotActive):
        office.reassign(branch["loan_id"], branch["manager"], branch["colleague"])
    office.dismiss(branch["manager"], branch["head"])
    with pytest.raises(AgentNotActive):
        office.reassign(branch["loan_id"], branch["manager"], branch["agent"])


def test_there_must_be_something_to_give_and_somebody_to_take_it(office: Office, branch: Branch) -> None:
    nobody = replace(branch["agent"], agent_id=2**31 - 1)
    for manager, to in ((nobody, branch["agent"]), (branch["manager"], nobody)):
        with pytest.raises(AgentNotFound):
            office.reassign(branch["loan_id"], manager, to)
    with pytest.raises(ReviewNotFound):
        office.reassign(application().loan_id, branch["manager"], branch["colleague"])
    office.decide(branch["loan_id"], branch["agent"], Choice.REJECT)
    with pytest.raises(LoanNotUnderReview):
        office.reassign(branch["loan_id"], branch["manager"], branch["colleague"])


def test_whoever_is_given_a_review_again_may_recommend_it_again(office: Office, branch: Branch) -> None:
    """What they said before does not count: the review would wait for nobody."""
    office.limit(branch["agent"], 50)
    assert office.decide(branch["loan_id"], branch["agent"]) is None
    office.reassign(branch["loan_id"], branch["manager"], branch["agent"])
    assert office.review(branch["loan_id"]).recommended_by == ()
    assert office.decide(branch["loan_id"], branch["agent"]) is None
    moved = office.review(branch["loan_id"])
    assert (moved.assigned_agent_id, moved.recommended_by) == (
        branch["manager"].agent_id,
        (branch["agent"].agent_id,),
    )
    assert office.kinds(branch["loan_id"])[1:] == ["RECOMMENDED", "ASSIGNED", "REASSIGNED", "RECOMMENDED", "ASSIGNED"]


def test_a_substitute_who_reassigns_tells_the_manager_of_the_one_who_gets_it(office: Office, branch: Branch) -> None:
    substitute = office.hire(branch["head"])
    office.cover(branch["manager"], substitute)
    office.reassign(branch["loan_id"], substitute, branch["colleague"])
    (step,) = [step for step in office.steps(branch["loan_id"]) if step.kind is StepKind.REASSIGNED]
    assert (step.right, step.on_behalf_of_agent_id) == (Right.RIGHT_OF_SUBSTITUTE, branch["manager"].agent_id)
    told = office.jobs("notify_staff")[f"push:{branch['loan_id']}:step-{step.number}:manager"]
    assert told["recipient"] == f"agent:{branch['manager'].agent_id}"


def test_nobody_stands_in_for_the_applicant(office: Office, branch: Branch) -> None:
    applicant = office.hire(branch["manager"])
    office.cover(applicant, branch["agent"])
    (loan_id,) = office.open(application(phone=applicant.phone))
    assert office.holder(loan_id) == branch["colleague"].agent_id
    with pytest.raises(ApplicantIsAgent):
        office.reassign(loan_id, branch["head"], applicant)
