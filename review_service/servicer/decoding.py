"""What is asked of reviews, from requests."""

import re
from decimal import Decimal
from uuid import UUID

from chassis.errors import InvalidArgument, Violation
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Application, Choice, Decision, canonical_name

_E164 = re.compile(r"[+][1-9][0-9]{2,14}")
_REASON_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def decision(request: review_pb2.DecideLoanRequest) -> Decision:
    """What an agent decides."""
    choice = Choice(review_pb2.DecideLoanRequest.Decision.Name(request.decision))
    return Decision(request.agent_id, choice, tuple(request.reason_codes), request.comment)


def application(review: review_pb2.OpenReviewRequest.Review) -> Application:
    """A loan to be reviewed.

    Raises:
        InvalidArgument: A rule is broken that the contract does not express.
    """
    amount = Decimal(review.loan_amount)
    name = canonical_name(review.customer_name)
    violations = []
    if not name or "\x00" in name:
        violations.append(Violation("customer_name", "must be a name"))
    if not _E164.fullmatch(review.customer_phone):
        violations.append(Violation("customer_phone", "must be a phone number in E.164 form"))
    if amount <= 0:
        violations.append(Violation("loan_amount", "must be greater than 0"))
    if not all(_REASON_CODE.fullmatch(code) for code in review.reason_codes):
        violations.append(Violation("reason_codes", "must be codes in upper case"))
    if violations:
        raise InvalidArgument(violations)
    return Application(
        loan_id=UUID(review.loan_id),
        customer_name=name,
        customer_phone=review.customer_phone,
        loan_amount=amount,
        currency_code=review.currency_code,
        loan_type=loan_pb2.Loan.Type.Name(review.loan_type),
        reason_codes=tuple(review.reason_codes),
    )
