"""What is asked of reviews, from requests."""

import re
from decimal import Decimal
from uuid import UUID

from chassis.errors import InvalidArgument, Violation
from chassis.personal import Personal, Phone
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Application, Choice, Decision, canonical_name

_E164 = re.compile(r"[+][1-9][0-9]{2,14}")
_REASON_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_USES: dict[str, loan_pb2.Reason.Use] = {
    value.name: value.GetOptions().Extensions[loan_pb2.reason].use  # type: ignore[index]  # stubs know less of it
    for value in loan_pb2.Reason.Code.DESCRIPTOR.values
}
_WANTED_USE = {Choice.APPROVE: loan_pb2.Reason.APPROVAL, Choice.REJECT: loan_pb2.Reason.REJECTION}


def decision(request: review_pb2.DecideLoanRequest, subject: str = "") -> Decision:
    """What an agent decides, and who they are by their token.

    Raises:
        InvalidArgument: A reason is not in the catalogue, or not one for this decision; or a rejection has none.
    """
    choice = Choice(review_pb2.DecideLoanRequest.Decision.Name(request.decision))
    violations = [
        Violation(f"reason_codes[{place}]", wrong)
        for place, code in enumerate(request.reason_codes)
        if (wrong := _reason_violation(code, choice))
    ]
    if choice is Choice.REJECT and not request.reason_codes:
        violations.append(Violation("reason_codes", "must hold at least one code if the decision is REJECT"))
    if violations:
        raise InvalidArgument(violations)
    return Decision(request.agent_id, choice, tuple(request.reason_codes), Personal(request.comment), subject)


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
        customer_phone=Phone(review.customer_phone),
        loan_amount=amount,
        currency_code=review.currency_code,
        loan_type=loan_pb2.Loan.Type.Name(review.loan_type),
        reason_codes=tuple(review.reason_codes),
        customer_exposure=Decimal(review.customer_exposure),
    )


def _reason_violation(code: str, choice: Choice) -> str:
    """What is wrong with a reason for a decision; empty if nothing is."""
    use = _USES.get(code, loan_pb2.Reason.USE_UNSPECIFIED)
    if use == loan_pb2.Reason.USE_UNSPECIFIED:
        return "is not in the catalogue of reason codes"
    if use != _WANTED_USE[choice]:
        return f"is not a reason to {choice.lower()} a loan"
    return ""
