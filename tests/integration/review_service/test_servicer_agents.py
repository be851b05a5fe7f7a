"""Agents and their queues over gRPC."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from los.review.v1 import review_pb2
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.reception import Code, Service, refusal


def test_an_agent_is_created_got_and_listed(service: Service) -> None:
    created = service.outside.CreateAgent(
        review_pb2.CreateAgentRequest(
            name="Grace Hopper", email="Grace@Example.com", phone="(415) 555-0100", approval_limit="50000"
        )
    ).agent
    assert (created.email, created.phone, created.approval_limit, created.is_available) == (
        "grace@example.com",
        "+14155550100",
        "50000.00",
        True,
    )
    assert not created.HasField("manager_id")
    assert created.created_at == created.updated_at
    got = service.outside.GetAgent(review_pb2.GetAgentRequest(agent_id=created.agent_id)).agent
    assert got == created
    assert list(service.outside.ListAgents(review_pb2.ListAgentsRequest()).agents) == [created]


def test_agents_are_listed_page_by_page(service: Service, office: Office) -> None:
    hired = [office.hire().agent_id for _ in range(5)]
    pages, token = [], ""
    while True:
        answer = service.outside.ListAgents(review_pb2.ListAgentsRequest(size=2, page_token=token))
        pages.append([agent.agent_id for agent in answer.agents])
        if not (token := answer.next_page_token):
            break
    assert pages == [hired[:2], hired[2:4], hired[4:]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"email": "taken@example.com"}, (Code.ALREADY_EXISTS, "EMAIL_ALREADY_TAKEN", [])),
        ({"manager_id": 2**31 - 1}, (Code.NOT_FOUND, "AGENT_NOT_FOUND", [])),
        (
            {"phone": "12345", "approval_limit": "0"},
            (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["phone", "approval_limit"]),
        ),
        ({"name": " ", "email": "no address"}, (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["name", "email"])),
    ],
)
def test_an_agent_is_refused(service: Service, fields: dict[str, Any], expected: object) -> None:
    good: dict[str, Any] = {"name": "A", "email": "taken@example.com", "phone": "+14155550100"}
    service.outside.CreateAgent(review_pb2.CreateAgentRequest(**good))
    request = review_pb2.CreateAgentRequest(**{**good, "email": "free@example.com", **fields})
    assert refusal(service.outside.CreateAgent, request) == expected


def test_an_agent_who_becomes_available_is_given_waiting_reviews_at_once(service: Service, office: Office) -> None:
    agent = office.hire(available=False)
    office.open(application(), application())
    request = review_pb2.UpdateAgentRequest(agent_id=agent.agent_id, agent={"is_available": True})
    assert service.outside.UpdateAgent(request).agent.open_review_count == 2
    assert service.woken == 1


def test_a_limit_and_a_manager_are_cleared_by_naming_them(service: Service, office: Office) -> None:
    agent = office.hire(office.hire(), limit=100)
    request = review_pb2.UpdateAgentRequest(
        agent_id=agent.agent_id, agent={}, update_mask=FieldMask(paths=["manager_id", "approval_limit"])
    )
    changed = service.outside.UpdateAgent(request).agent
    assert not changed.HasField("manager_id")
    assert not changed.HasField("approval_limit")
    assert changed.name == agent.name


def test_a_change_is_refused(service: Service, office: Office) -> None:
    agent = office.hire()

    def refused(agent_id: int, changes: dict[str, Any], *mask: str) -> object:
        update_mask = FieldMask(paths=mask) if mask else None
        request = review_pb2.UpdateAgentRequest(agent_id=agent_id, agent=changes, update_mask=update_mask)
        return refusal(service.outside.UpdateAgent, request)

    invalid = (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    me = agent.agent_id
    assert refused(me, {"manager_id": me}) == (Code.FAILED_PRECONDITION, "MANAGER_CYCLE", [])
    assert refused(2**31 - 1, {"name": "Nobody"}) == (Code.NOT_FOUND, "AGENT_NOT_FOUND", [])
    assert refused(me, {}, "agent_id") == (*invalid, ["update_mask"])
    assert refused(me, {}, "name") == (*invalid, ["agent.name"])
    assert refused(me, {"phone": "12345"}) == (*invalid, ["agent.phone"])
    assert refused(me, {"email": "nowhere"}) == (*invalid, ["agent.email"])


def test_a_queue_is_listed_page_by_page_oldest_first(service: Service, office: Office) -> None:
    agent = office.hire()
    batches = [office.open(application(), application()) for _ in range(4)]
    expected = [str(loan_id) for batch in batches for loan_id in sorted(batch)]
    listed: list[str] = []
    token = ""
    while True:
        request = review_pb2.ListAssignmentsRequest(agent_id=agent.agent_id, size=3, page_token=token)
        answer = service.outside.ListAssignments(request)
        assert answer.total_size == 8
        listed += [assignment.loan_id for assignment in answer.assignments]
        if not (token := answer.next_page_token):
            break
    assert listed == expected


def test_an_assignment_shows_what_the_agent_needs_to_know(service: Service, office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager, limit=10_000)
    (loan_id,) = office.open(application("20000.5"))
    office.decide(loan_id, agent)
    request = review_pb2.ListAssignmentsRequest(agent_id=manager.agent_id)
    (shown,) = service.outside.ListAssignments(request).assignments
    assert shown.opened_at.ToDatetime() < shown.assigned_at.ToDatetime()
    shown.ClearField("opened_at")
    shown.ClearField("assigned_at")
    shown.ClearField("due_at")
    assert shown == review_pb2.Assignment(
        loan_id=str(loan_id),
        customer_name="Ada Lovelace",
        customer_phone="+14155550123",
        loan_amount="20000.50",
        currency_code="USD",
        loan_type="HOME",
        reason_codes=["AMOUNT_REQUIRES_REVIEW"],
        recommended_by_agent_id=agent.agent_id,
        state=review_pb2.Assignment.AWAITING_HIGHER_AUTHORITY,
        agent_id=manager.agent_id,
        customer_exposure="20000.50",
    )


def test_a_queue_is_refused(service: Service, office: Office) -> None:
    agent = office.hire()
    unknown = review_pb2.ListAssignmentsRequest(agent_id=2**31 - 1)
    assert refusal(service.outside.ListAssignments, unknown) == (Code.NOT_FOUND, "AGENT_NOT_FOUND", [])
    forged = review_pb2.ListAssignmentsRequest(agent_id=agent.agent_id, page_token="x")
    code, _, fields = refusal(service.outside.ListAssignments, forged)
    assert (code, fields) == (Code.INVALID_ARGUMENT, ["page_token"])
