"""Agents from requests."""

from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import InvalidArgument
from chassis.personal import Email, Name, Phone
from loan_service.servicer.wire import Reader
from los.review.v1 import review_pb2
from review_service.domain import Profile
from review_service.servicer import people

Changes = review_pb2.UpdateAgentRequest.Changes


def fields_refused(refusal: pytest.ExceptionInfo[InvalidArgument]) -> list[str]:
    return [violation.field for violation in refusal.value.violations]


def changes(agent: review_pb2.UpdateAgentRequest.Changes, *mask: str) -> dict[str, Any]:
    request = review_pb2.UpdateAgentRequest(agent_id=1, agent=agent)
    if mask:
        request.update_mask.CopyFrom(FieldMask(paths=mask))
    return dict(people.changes(request, "US"))


def test_a_new_agent_is_taken_in_canonical_form() -> None:
    request = review_pb2.CreateAgentRequest(
        name=" Jose\u0301 ", email="Jose@Example.COM", phone="(415) 555-0100", manager_id=7, approval_limit="50000.5"
    )
    assert people.new_agent(request, "US") == (
        Profile(
            name=Name("José"),
            email=Email("jose@example.com"),
            phone=Phone("+14155550100"),
            manager_id=7,
            is_available=True,
        ),
        Decimal("50000.50"),
    )


@pytest.mark.parametrize(("set_to", "is_available"), [(None, True), (True, True), (False, False)])
def test_a_new_agent_is_available_unless_told_otherwise(*, set_to: bool | None, is_available: bool) -> None:
    request = review_pb2.CreateAgentRequest(name="A", email="a@b.co", phone="+14155550100", is_available=set_to)
    assert people.new_agent(request, "US")[0].is_available is is_available


def test_a_phone_number_without_country_code_belongs_to_the_region() -> None:
    request = review_pb2.CreateAgentRequest(name="A", email="a@b.co", phone="030 901820")
    assert people.new_agent(request, "DE")[0].phone == "+4930901820"


@pytest.mark.parametrize("phone", ["+11115550123", "(111) 555-0123"])
def test_an_agent_may_have_any_number_that_a_customer_may_have(phone: str) -> None:
    request = review_pb2.CreateAgentRequest(name="A", email="a@b.co", phone=phone)
    assert people.new_agent(request, "US")[0].phone == "+11115550123" == Reader("US", "USD").phone(phone, "phone")


@pytest.mark.parametrize(
    "phone", ["abc", "12345", "+1415555", "+999123456789", "+14155550100 ext. x", "+14155550100 ext. 5"]
)
@pytest.mark.parametrize("name", ["\u00a0", "\u200b", "\U0001d15e" * 200])
@pytest.mark.parametrize("limit", ["0", "0.00"])
def test_everything_wrong_with_a_new_agent_is_said_at_once(phone: str, name: str, limit: str) -> None:
    request = review_pb2.CreateAgentRequest(name=name, email="a@b.co", phone=phone, approval_limit=limit)
    with pytest.raises(InvalidArgument) as refusal:
        people.new_agent(request, "US")
    assert fields_refused(refusal) == ["name", "phone", "approval_limit"]


def test_without_a_mask_the_fields_that_are_set_change() -> None:
    assert changes(Changes(is_available=False, email="New@example.com")) == {
        "is_available": False,
        "email": "new@example.com",
    }


def test_with_a_mask_only_the_fields_that_it_names_change() -> None:
    assert changes(Changes(name="Ada", phone="nonsense", approval_limit="0"), "name") == {"name": "Ada"}


def test_an_empty_mask_changes_nothing() -> None:
    request = review_pb2.UpdateAgentRequest(agent_id=1, agent=Changes(name="Ada"), update_mask=FieldMask())
    assert people.changes(request, "US") == {}


@pytest.mark.parametrize("field", ["manager_id", "approval_limit"])
def test_named_but_unset_clears_what_may_be_absent(field: str) -> None:
    assert changes(Changes(), field) == {field: None}


def test_everything_wrong_with_a_change_is_said_at_once() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        changes(
            Changes(name="\u00a0", phone="1", approval_limit="0"),
            *("name", "email", "phone", "is_available", "approval_limit", "agent_id", "*", "name"),
        )
    assert sorted(fields_refused(refusal)) == [
        "agent.approval_limit",
        "agent.email",
        "agent.is_available",
        "agent.name",
        "agent.phone",
        "update_mask",
        "update_mask",
    ]
