"""What is asked of reviews."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from chassis.errors import InvalidArgument
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Choice, Decision
from review_service.servicer import decoding


def fields_refused(refusal: pytest.ExceptionInfo[InvalidArgument]) -> list[str]:
    return [violation.field for violation in refusal.value.violations]


def review(**fields: Any) -> review_pb2.OpenReviewRequest.Review:
    return review_pb2.OpenReviewRequest.Review(
        **{
            "loan_id": str(uuid4()),
            "customer_name": "Ada Lovelace",
            "customer_phone": "+14155550123",
            "loan_amount": "20000",
            "currency_code": "USD",
            "loan_type": "HOME",
            "reason_codes": ["AMOUNT_REQUIRES_REVIEW"],
            "customer_exposure": "35000.5",
            **fields,
        }
    )


def test_a_review_to_be_opened_is_read_whole() -> None:
    taken = decoding.application(review(loan_amount="20000.5"))
    assert (taken.loan_amount, taken.customer_exposure, taken.loan_type, taken.reason_codes) == (
        Decimal("20000.50"),
        Decimal("35000.50"),
        loan_pb2.Loan.Type.Name(loan_pb2.Loan.Type.HOME),
        ("AMOUNT_REQUIRES_REVIEW",),
    )


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"customer_name": "  "}, "customer_name"),
        ({"customer_name": "A\x00da"}, "customer_name"),
        ({"customer_phone": "415 555 0123"}, "customer_phone"),
        ({"loan_amount": "0.00"}, "loan_amount"),
        ({"reason_codes": ["A,B"]}, "reason_codes"),
    ],
)
def test_a_review_that_could_not_be_stored_is_refused(fields: dict[str, Any], refused: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decoding.application(review(**fields))
    assert fields_refused(refusal) == [refused]


APPROVE, REJECT = review_pb2.DecideLoanRequest.APPROVE, review_pb2.DecideLoanRequest.REJECT


def decision(choice: review_pb2.DecideLoanRequest.Decision, *codes: str) -> Decision:
    request = review_pb2.DecideLoanRequest(agent_id=3, loan_id=str(uuid4()), decision=choice, reason_codes=codes)
    return decoding.decision(request)


def test_a_decision_is_read_with_its_reasons() -> None:
    codes = ("DEBT_TO_INCOME", "CREDIT_HISTORY")
    assert decision(REJECT, *codes) == Decision(3, Choice.REJECT, codes)
    assert decision(APPROVE, "INCOME_VERIFIED") == Decision(3, Choice.APPROVE, ("INCOME_VERIFIED",))
    assert decision(APPROVE) == Decision(3, Choice.APPROVE)


@pytest.mark.parametrize(
    ("choice", "codes", "refused"),
    [
        (REJECT, [], ["reason_codes"]),
        (REJECT, ["UNHEARD_OF"], ["reason_codes[0]"]),
        (REJECT, ["CODE_UNSPECIFIED"], ["reason_codes[0]"]),
        (
            REJECT,
            ["DEBT_TO_INCOME", "INCOME_VERIFIED", "AMOUNT_REQUIRES_REVIEW"],
            ["reason_codes[1]", "reason_codes[2]"],
        ),
        (APPROVE, ["DEBT_TO_INCOME"], ["reason_codes[0]"]),
        (APPROVE, ["INCOME_VERIFIED", "NO_DECISION_IN_TIME"], ["reason_codes[1]"]),
    ],
    ids=[
        "a rejection without a reason",
        "what nobody has heard of",
        "no reason at all",
        "reasons for something else",
        "a reason to reject",
        "a reason of an expiry",
    ],
)
def test_a_reason_must_be_one_of_the_catalogue_for_what_is_decided(
    choice: review_pb2.DecideLoanRequest.Decision, codes: list[str], refused: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decision(choice, *codes)
    assert fields_refused(refusal) == refused
