"""Requests against the rules of their contracts, and the words for what is wrong with them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from chassis import rules
from chassis.errors import InvalidArgument, Violation
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2
from los.review.v1 import review_pb2

NO_VALUE: Any = 99  # not one of any enum's; the stubs refuse what the wire may hold
GOOD = loan_pb2.SubmitLoanRequest(
    customer_name="Ada Lovelace", customer_phone="+14155550100", loan_amount="10.00", loan_type=loan_pb2.Loan.HOME
)
LOAN_ID = "0190a6c1-0000-7000-8000-000000000000"


def test_a_request_that_keeps_the_rules_has_no_violations() -> None:
    assert rules.violations(GOOD) == []
    rules.check(GOOD)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (loan_pb2.GetLoanRequest(loan_id="no id"), ["loan_id"]),
        (loan_pb2.ListLoansRequest(page=0, size=101), ["page", "size"]),
        (loan_pb2.ListLoansRequest(page=1, page_token="x"), [""]),
        (loan_pb2.BatchSubmitLoansRequest(), ["loans"]),
        (
            review_pb2.CancelReviewRequest(loan_ids=[LOAN_ID, "no id"]),
            ["loan_ids[1]"],
        ),
    ],
    ids=["a field", "two fields", "fields together", "a list", "an item of a list"],
)
def test_each_violation_names_the_place(request_: Message, fields: list[str]) -> None:
    assert [violation.field for violation in rules.violations(request_)] == fields
    with pytest.raises(InvalidArgument) as raised:
        rules.check(request_)
    assert [violation.field for violation in raised.value.violations] == fields


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (loan_pb2.SubmitLoanRequest(), {"loan_type": "must be one of PERSONAL, HOME, AUTO, BUSINESS"}),
        (
            loan_pb2.SubmitLoanRequest(loan_type=NO_VALUE),
            {"loan_type": "must be one of PERSONAL, HOME, AUTO, BUSINESS"},
        ),
        (review_pb2.DecideLoanRequest(decision=NO_VALUE), {"decision": "must be one of APPROVE, REJECT"}),
        (review_pb2.UpdateAgentRequest(agent_id=1), {"agent": "must be set"}),
        (loan_pb2.BatchSubmitLoansRequest(), {"loans": "must not be empty"}),
        (
            review_pb2.OpenReviewRequest(reviews=[{"loan_type": NO_VALUE}]),
            {"reviews[0].loan_type": "must be one of PERSONAL, HOME, AUTO, BUSINESS"},
        ),
    ],
    ids=["nothing chosen", "out of range", "another enum", "a message", "a list", "deep inside"],
)
def test_what_is_wrong_is_said_in_the_words_of_the_contract(request_: Message, said: dict[str, str]) -> None:
    assert said.items() <= {each.field: each.description for each in rules.violations(request_)}.items()


def test_where_the_contract_has_words_of_its_own_nothing_else_is_said() -> None:
    request = loan_pb2.SubmitLoanRequest(customer_phone="+14155550100", loan_amount="-1", loan_type="HOME")
    assert rules.violations(request) == [
        Violation("customer_name", "must be 1 to 200 characters, not only spaces, without control characters"),
        Violation(
            "loan_amount", "must be greater than 0 and at most 10000000, with at most two digits after the point"
        ),
    ]


PUBLIC = [loan_pb2, review_pb2, notification_pb2]


def patterned(kind: Descriptor) -> Iterator[tuple[FieldDescriptor, str, list[str]]]:
    """Every field below a request that has a pattern, with it, and the expressions of the rules in words."""
    for field in kind.fields:
        options: Any = field.GetOptions()  # the stubs do not say what an extension holds
        held = options.Extensions[validate_pb2.field]
        of_one = held.repeated.items if field.is_repeated else held
        if of_one.string.HasField("pattern"):
            yield field, of_one.string.pattern, [rule.expression for rule in of_one.cel]
        if field.message_type is not None and field.message_type.file.package.startswith("los."):
            yield from patterned(field.message_type)


def public_requests() -> list[Descriptor]:
    return [
        method.input_type
        for module in PUBLIC
        for service in module.DESCRIPTOR.services_by_name.values()
        if not service.name.endswith("InternalService")
        for method in service.methods
    ]


FIELDS = {
    field.full_name: (pattern, expressions)
    for kind in public_requests()
    for field, pattern, expressions in patterned(kind)
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_pattern_that_callers_meet_is_said_in_words_as_well(name: str) -> None:
    pattern, expressions = FIELDS[name]
    matched = [found for each in expressions for found in re.findall(r"this\.matches\(r'(.*?)'\)", each)]
    assert matched == [pattern]
