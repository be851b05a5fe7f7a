"""Limits, covers, leaving and coming back over gRPC."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Agent
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.reception import Code, Service, refusal

HOME, AUTO = loan_pb2.Loan.Type.HOME, loan_pb2.Loan.Type.AUTO
NOBODY = 2**31 - 1
INVALID = (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
NOT_FOUND: tuple[Code, str, list[str]] = (Code.NOT_FOUND, "AGENT_NOT_FOUND", [])


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def in_hours(hours: float) -> Timestamp:
    return stamp(datetime.now(UTC) + timedelta(hours=hours))


def patched(service: Service, agent: Agent, changes: dict[str, Any], *mask: str) -> review_pb2.Agent:
    update_mask = FieldMask(paths=mask) if mask else None
    request = review_pb2.UpdateAgentRequest(agent_id=agent.agent_id, agent=changes, update_mask=update_mask)
    found: review_pb2.Agent = service.outside.UpdateAgent(request).agent
    return found


def test_an_agent_is_created_with_skills_and_capacity(service: Service) -> None:
    created = service.outside.CreateAgent(
        review_pb2.CreateAgentRequest(
            name="Grace",
            email="grace@example.com",
            phone="+14155550100",
            max_open_reviews=0,
            loan_types=[AUTO, HOME],
        )
    ).agent
    assert (created.max_open_reviews, list(created.loan_types), created.is_active) == (0, [HOME, AUTO], True)
    assert created.HasField("max_open_reviews")
    assert not created.HasField("substitute_agent_id")
    assert service.outside.GetAgent(review_pb2.GetAgentRequest(agent_id=created.agent_id)).agent == created


def test_skills_and_capacity_are_changed_by_what_is_set_or_named(service: Service, office: Office) -> None:
    agent = office.hire()
    changed = patched(service, agent, {"max_open_reviews": 7, "loan_types": [HOME]})
    assert (changed.max_open_reviews, list(changed.loan_types)) == (7, [HOME])
    changed = patched(service, agent, {"max_open_reviews": 9, "loan_types": [AUTO]}, "loan_types")
    assert (changed.max_open_reviews, list(changed.loan_types)) == (7, [AUTO])
    changed = patched(service, agent, {}, "max_open_reviews", "loan_types")
    assert not changed.HasField("max_open_reviews")
    assert not changed.loan_types


@pytest.mark.parametrize(
    ("before", "change"),
    [({"max_open_reviews": 0}, ["max_open_reviews"]), ({"loan_types": [AUTO]}, ["loan_types"])],
    ids=["room", "a skill"],
)
def test_an_agent_who_gets_is_given_waiting_reviews_at_once(
    service: Service, office: Office, before: dict[str, Any], change: list[str]
) -> None:
    agent = office.hire(available=False)
    patched(service, agent, {**before, "is_available": True})
    office.open()
    assert office.agent(agent).open_review_count == 0
    assert patched(service, agent, {}, *change).open_review_count == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_open_reviews": -1}, "agent.max_open_reviews"),
        ({"max_open_reviews": 10_001}, "agent.max_open_reviews"),
        ({"loan_types": [HOME, HOME]}, "agent.loan_types"),
        ({"loan_types": [0]}, "agent.loan_types[0]"),
        ({"loan_types": [99]}, "agent.loan_types[0]"),
    ],
)
def test_impossible_skills_and_capacities_are_refused(
    service: Service, office: Office, changes: dict[str, Any], field: str
) -> None:
    request = review_pb2.UpdateAgentRequest(agent_id=office.hire().agent_id, agent=changes)
    assert refusal(service.outside.UpdateAgent, request) == (*INVALID, [field])


def test_limits_are_set_and_listed_the_earliest_first(service: Service, office: Office) -> None:
    agent = office.hire(limit=100)

    def put(**fields: Any) -> review_pb2.ApprovalLimit:
        request = review_pb2.SetApprovalLimitRequest(agent_id=agent.agent_id, **fields)
        found: review_pb2.ApprovalLimit = service.outside.SetApprovalLimit(request).approval_limit
        return found

    later = put(loan_type=HOME, amount="500.5", valid_from=in_hours(1))
    now = put()
    assert (later.loan_type, later.amount) == (HOME, "500.50")
    assert (now.loan_type, now.HasField("amount"), now.HasField("valid_from")) == (0, False, True)
    listed = service.outside.ListApprovalLimits(review_pb2.ListApprovalLimitsRequest(agent_id=agent.agent_id))
    assert [limit.amount for limit in listed.approval_limits] == ["100.00", "", "500.50"]
    assert list(listed.approval_limits)[1:] == [now, later]
    assert not service.outside.GetAgent(review_pb2.GetAgentRequest(agent_id=agent.agent_id)).agent.approval_limit


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"amount": "0"}, ["amount"]),
        ({"amount": "-1"}, ["amount"]),
        ({"amount": "1e3"}, ["amount"]),
        ({"amount": "123456789"}, ["amount"]),
        ({"loan_type": 99}, ["loan_type"]),
        ({"valid_from": Timestamp(seconds=-62_135_596_800)}, ["valid_from"]),
        ({"valid_from": Timestamp(seconds=1)}, ["valid_from"]),
        ({"valid_from": Timestamp(seconds=2**62)}, ["valid_from"]),
        ({"valid_from": Timestamp(seconds=1, nanos=-5), "amount": "0"}, ["amount", "valid_from"]),
        ({"agent_id": 0}, ["agent_id"]),
    ],
)
def test_an_impossible_limit_is_refused(
    service: Service, office: Office, fields: dict[str, Any], refused: list[str]
) -> None:
    request = review_pb2.SetApprovalLimitRequest(**{"agent_id": office.hire().agent_id, **fields})
    assert refusal(service.outside.SetApprovalLimit, request) == (*INVALID, refused)


def test_a_limit_is_refused_that_begins_with_another_or_is_nobodys(service: Service, office: Office) -> None:
    request = review_pb2.SetApprovalLimitRequest(agent_id=office.hire().agent_id, valid_from=in_hours(1))
    service.outside.SetApprovalLimit(request)
    assert refusal(service.outside.SetApprovalLimit, request) == (Code.ALREADY_EXISTS, "LIMIT_ALREADY_SET", [])
    nobodys = review_pb2.SetApprovalLimitRequest(agent_id=NOBODY)
    assert refusal(service.outside.SetApprovalLimit, nobodys) == NOT_FOUND
    listing = review_pb2.ListApprovalLimitsRequest(agent_id=NOBODY)
    assert refusal(service.outside.ListApprovalLimits, listing) == NOT_FOUND


def test_a_cover_is_made_listed_seen_and_ended(service: Service, office: Office) -> None:
    agent, substitute = office.hire(), office.hire(available=False)
    (loan_id,) = office.open()
    until = Timestamp(seconds=253_402_300_799)  # for ever
    request = review_pb2.CreateCoverRequest(
        agent_id=agent.agent_id, substitute_agent_id=substitute.agent_id, starts_at=Timestamp(), ends_at=until
    )
    cover = service.outside.CreateCover(request).cover
    assert (cover.agent_id, cover.substitute_agent_id, cover.ends_at) == (agent.agent_id, substitute.agent_id, until)
    assert (office.holder(loan_id), service.woken) == (substitute.agent_id, 1)
    seen = service.outside.GetAgent(review_pb2.GetAgentRequest(agent_id=agent.agent_id)).agent
    assert seen.substitute_agent_id == substitute.agent_id
    listed = service.outside.ListCovers(review_pb2.ListCoversRequest(agent_id=agent.agent_id)).covers
    assert list(listed) == [cover]
    ending = review_pb2.EndCoverRequest(agent_id=agent.agent_id, cover_id=cover.cover_id)
    ended = service.outside.EndCover(ending).cover
    assert cover.starts_at.ToDatetime() < ended.ends_at.ToDatetime() < until.ToDatetime()
    assert service.outside.EndCover(ending).cover == ended


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"substitute_agent_id": 1, "agent_id": 1}, ["substitute_agent_id"]),
        ({"substitute_agent_id": 0}, ["substitute_agent_id"]),
        ({"ends_at": Timestamp(seconds=1)}, ["ends_at"]),
        ({"ends_at": None}, ["ends_at"]),
        ({"ends_at": Timestamp(seconds=2**62)}, ["ends_at"]),
        ({"ends_at": Timestamp(seconds=-(2**62))}, ["ends_at"]),
        ({"starts_at": Timestamp(seconds=253_402_300_800)}, ["starts_at"]),
        ({"starts_at": Timestamp(seconds=1, nanos=1_000_000_000)}, ["starts_at"]),
        ({"starts_at": in_hours(2), "ends_at": in_hours(1)}, ["ends_at"]),
    ],
)
def test_an_impossible_cover_is_refused(
    service: Service, office: Office, fields: dict[str, Any], refused: list[str]
) -> None:
    good = {"agent_id": office.hire().agent_id, "substitute_agent_id": office.hire().agent_id, "ends_at": in_hours(1)}
    request = review_pb2.CreateCoverRequest(**{**good, **fields})
    assert refusal(service.outside.CreateCover, request) == (*INVALID, refused)


def test_a_cover_that_cannot_be_is_refused(service: Service, office: Office) -> None:
    agent, other, gone = office.hire(), office.hire(), office.hire()
    office.dismiss(gone)
    office.cover(agent, other)

    def refused(agent_id: int, substitute_id: int) -> object:
        request = review_pb2.CreateCoverRequest(
            agent_id=agent_id, substitute_agent_id=substitute_id, ends_at=in_hours(1)
        )
        return refusal(service.outside.CreateCover, request)

    failed = Code.FAILED_PRECONDITION
    assert refused(agent.agent_id, other.agent_id) == (failed, "COVER_OVERLAPS", [])
    assert refused(other.agent_id, agent.agent_id) == (failed, "COVER_CIRCLE", [])
    assert refused(other.agent_id, gone.agent_id) == (failed, "AGENT_NOT_ACTIVE", [])
    assert refused(other.agent_id, NOBODY) == NOT_FOUND
    unknown = review_pb2.EndCoverRequest(agent_id=agent.agent_id, cover_id=NOBODY)
    assert refusal(service.outside.EndCover, unknown) == (Code.NOT_FOUND, "COVER_NOT_FOUND", [])
    assert refusal(service.outside.ListCovers, review_pb2.ListCoversRequest(agent_id=NOBODY)) == NOT_FOUND


def test_an_agent_leaves_and_comes_back(service: Service, office: Office) -> None:
    agent, successor = office.hire(), office.hire(available=False)
    (loan_id,) = office.open()
    leaving = review_pb2.DeactivateAgentRequest(agent_id=agent.agent_id, successor_agent_id=successor.agent_id)
    left = service.outside.DeactivateAgent(leaving).agent
    assert (left.is_active, left.open_review_count, office.holder(loan_id)) == (False, 0, successor.agent_id)
    assert service.outside.DeactivateAgent(leaving).agent == left
    back = service.outside.ActivateAgent(review_pb2.ActivateAgentRequest(agent_id=agent.agent_id)).agent
    assert back.is_active
    assert service.woken == 3


def test_an_agent_who_cannot_leave_is_told_why(service: Service, office: Office) -> None:
    agent, gone = office.hire(), office.hire(available=False)
    office.dismiss(gone)
    office.open(application(phone="+14155550123"))
    applicant = office.hire(available=False, phone="+14155550123")

    def refused(**fields: Any) -> object:
        request = review_pb2.DeactivateAgentRequest(**{"agent_id": agent.agent_id, **fields})
        return refusal(service.outside.DeactivateAgent, request)

    failed = Code.FAILED_PRECONDITION
    assert refused() == (failed, "AGENT_STILL_NEEDED", [])
    assert refused(successor_agent_id=gone.agent_id) == (failed, "AGENT_NOT_ACTIVE", [])
    assert refused(successor_agent_id=applicant.agent_id) == (failed, "APPLICANT_IS_AGENT", [])
    assert refused(successor_agent_id=NOBODY) == NOT_FOUND
    assert refused(agent_id=NOBODY) == NOT_FOUND
    assert refused(successor_agent_id=agent.agent_id) == (*INVALID, ["successor_agent_id"])
    code, reason, _ = refusal(
        service.outside.DeactivateAgent,
        review_pb2.DeactivateAgentRequest(agent_id=agent.agent_id, successor_agent_id=gone.agent_id, reassign=True),
    )
    assert (code, reason) == INVALID
    assert refusal(service.outside.ActivateAgent, review_pb2.ActivateAgentRequest(agent_id=NOBODY)) == NOT_FOUND
