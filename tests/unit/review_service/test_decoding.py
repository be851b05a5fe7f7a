"""What is asked of reviews."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from chassis.errors import InvalidArgument
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
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
            **fields,
        }
    )


def test_a_review_to_be_opened_is_read_whole() -> None:
    taken = decoding.application(review(loan_amount="20000.5"))
    assert (taken.loan_amount, taken.loan_type, taken.reason_codes) == (
        Decimal("20000.50"),
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
