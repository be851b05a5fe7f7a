"""Steps and decisions of reviews, as they are read from requests."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import rules
from chassis.errors import InvalidArgument
from chassis.personal import Personal
from loan_service.domain import NO_AUTHORITY, Authority, EventKind, ReviewDecision, ReviewStep, Right
from loan_service.servicer import reviews
from los.loan.v1 import loan_pb2

LOAN_ID = "0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d"


def step(**fields: Any) -> loan_pb2.ReviewStep:
    standard = {"number": 1, "kind": "ASSIGNED", "occurred_at": Timestamp(seconds=1), "actor": "system"}
    assigns = fields.get("kind", "ASSIGNED") in {"ASSIGNED", "ESCALATED", "COVERED", "REASSIGNED"}
    agent = {"assigned_agent_id": 7} if assigns else {}
    return loan_pb2.ReviewStep(**{**standard, **agent, **fields})


def refused_fields(*steps: loan_pb2.ReviewStep) -> list[str]:
    """The fields in which steps break rules, by the contract or in themselves."""
    try:
        rules.check(loan_pb2.RecordReviewDecisionRequest(loan_id=LOAN_ID, agent_id=1, steps=steps))
        reviews.steps(steps)
    except InvalidArgument as error:
        return [violation.field for violation in error.violations]
    return []


def test_a_step_is_read_whole() -> None:
    sent = step(
        number=4,
        kind="RECOMMENDED",
        occurred_at=Timestamp(seconds=60, nanos=500_000_000),
        actor="agent:5",
        reason_codes=["INCOME_VERIFIED", "CREDIT_HISTORY_GOOD"],
        comment="known for years",
        right="RIGHT_OF_SUBSTITUTE",
        on_behalf_of_agent_id=3,
        approval_limit="50000",
        customer_exposure="75000.5",
    )
    assert reviews.steps([sent]) == [
        ReviewStep(
            number=4,
            kind=EventKind.RECOMMENDED,
            occurred_at=datetime(1970, 1, 1, 0, 1, 0, 500_000, tzinfo=UTC),
            actor="agent:5",
            reason_codes=("INCOME_VERIFIED", "CREDIT_HISTORY_GOOD"),
            comment=Personal("known for years"),
            assigned_agent_id=None,
            authority=Authority(Right.OF_SUBSTITUTE, 3, Decimal("50000.00"), Decimal("75000.50")),
        )
    ]


def test_what_a_step_does_not_say_is_absent() -> None:
    (read,) = reviews.steps([step()])
    assert (read.assigned_agent_id, read.authority) == (7, NO_AUTHORITY)


def test_a_limit_of_nothing_is_a_limit() -> None:
    (read,) = reviews.steps([step(kind="RECOMMENDED", actor="agent:5", approval_limit="0")])
    assert read.authority.approval_limit == 0


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([], []),
        ([step(), step(number=2), step(number=7)], []),
        ([step(), step(number=1)], ["steps[1].number"]),
        ([step(number=2), step(number=1), step(number=3)], ["steps[1].number"]),
        ([step(number=0)], ["steps[0].number"]),
        ([step(kind="SUBMITTED")], ["steps[0].kind"]),
        ([step(kind="DECIDED")], ["steps[0].kind"]),
        ([step(kind=99)], ["steps[0].kind"]),
        ([loan_pb2.ReviewStep(number=1, kind="ESCALATED", occurred_at=Timestamp(), actor="system")],
         ["steps[0].assigned_agent_id"]),
        ([step(kind="UNASSIGNED", assigned_agent_id=7)], ["steps[0].assigned_agent_id"]),
        ([step(kind="RECOMMENDED", actor="agent:7", assigned_agent_id=7)], ["steps[0].assigned_agent_id"]),
        ([step(assigned_agent_id=0)], ["steps[0].assigned_agent_id"]),
        ([step(actor="customer")], ["steps[0].actor"]),
        ([step(actor="agent:0")], ["steps[0].actor"]),
        ([step(right="RIGHT_OF_MANAGER")], ["steps[0].right"]),
        ([step(right=9, actor="agent:1")], ["steps[0].right"]),
        ([loan_pb2.ReviewStep(number=1, kind="UNASSIGNED", actor="system")], ["steps[0].occurred_at"]),
        ([step(occurred_at=Timestamp(seconds=2**60))], ["steps[0].occurred_at"]),
        ([step(approval_limit="NaN")], ["steps[0].approval_limit"]),
        ([step(approval_limit="1.234")], ["steps[0].approval_limit"]),
        ([step(customer_exposure="-1")], ["steps[0].customer_exposure"]),
        ([step(reason_codes=["no code"])], ["steps[0].reason_codes[0]"]),
        ([step(reason_codes=["A"] * 5)], ["steps[0].reason_codes"]),
    ],
)  # fmt: skip
def test_every_field_of_a_step_that_is_wrong_is_named(steps: list[loan_pb2.ReviewStep], refused: list[str]) -> None:
    assert refused_fields(*steps) == refused


def test_a_decision_is_read_whole() -> None:
    request = loan_pb2.RecordReviewDecisionRequest(
        loan_id=LOAN_ID,
        agent_id=5,
        approved=True,
        reason_codes=["INCOME_VERIFIED"],
        comment="fine",
        right="RIGHT_OF_MANAGER",
        approval_limit="99999999.99",
        customer_exposure="1",
    )
    authority = Authority(Right.OF_MANAGER, None, Decimal("99999999.99"), Decimal("1.00"))
    assert reviews.decision(request) == ReviewDecision(5, True, ("INCOME_VERIFIED",), Personal("fine"), authority)


def test_the_words_of_the_contract_are_those_of_the_domain() -> None:
    assert loan_pb2.LoanEvent.Kind.keys() == ["KIND_UNSPECIFIED", *EventKind]
    assert loan_pb2.LoanEvent.Right.keys() == ["RIGHT_UNSPECIFIED", *Right]
