"""Requests into values of the domain."""

import re
from decimal import Decimal
from uuid import UUID

import phonenumbers

from chassis.errors import InvalidArgument, Violation
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import AgentChanges, Application, Choice, Decision, Profile, canonical_name, is_blank

_E164 = re.compile(r"[+][1-9][0-9]{2,14}")
_REASON_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_CLEARED_IF_UNSET = frozenset({"manager_id", "approval_limit"})

Fields = review_pb2.CreateAgentRequest | review_pb2.UpdateAgentRequest.Changes


def profile(request: review_pb2.CreateAgentRequest, region: str) -> Profile:
    """A new agent.

    Args:
        request: The request, which keeps the rules of its contract.
        region: Where phone numbers without a country code belong.

    Raises:
        InvalidArgument: A rule is broken that the contract cannot express.
    """
    violations: list[Violation] = []
    values = _values(request, _fields_set(request), region, violations, prefix="")
    if violations:
        raise InvalidArgument(violations)
    return Profile(**values)


def changes(request: review_pb2.UpdateAgentRequest, region: str) -> AgentChanges:
    """What to change of an agent: the fields that the mask names, or without a mask those that are set.

    Raises:
        InvalidArgument: The mask names something else, or a field that is unset and cannot be cleared; or as in
            `profile`.
    """
    present = _fields_set(request.agent)
    named = list(dict.fromkeys(request.update_mask.paths)) if request.HasField("update_mask") else present
    known = [field.name for field in review_pb2.UpdateAgentRequest.Changes.DESCRIPTOR.fields]
    violations = [
        Violation("update_mask", f"{name} is not a field of an agent that can be changed")
        for name in named
        if name not in known
    ]
    unset = [name for name in known if name in named and name not in present]
    violations += [
        Violation(f"agent.{name}", "is named in update_mask, so it must be set")
        for name in unset
        if name not in _CLEARED_IF_UNSET
    ]
    given = _values(request.agent, [name for name in present if name in named], region, violations, prefix="agent.")
    if violations:
        raise InvalidArgument(violations)
    if "manager_id" in unset:
        given["manager_id"] = None
    if "approval_limit" in unset:
        given["approval_limit"] = None
    return given


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


def _fields_set(message: Fields) -> list[str]:
    return [field.name for field, _ in message.ListFields()]


def _values(fields: Fields, names: list[str], region: str, violations: list[Violation], *, prefix: str) -> AgentChanges:
    """The named fields in canonical form; what is wrong with them is added to the violations."""
    values = AgentChanges()
    if "name" in names:
        values["name"] = canonical_name(fields.name)
        violations += _name_violations(values["name"], f"{prefix}name")
    if "email" in names:
        values["email"] = fields.email.lower()
    if "phone" in names:
        values["phone"] = _canonical_phone(fields.phone, region)
        if not values["phone"]:
            violations.append(Violation(f"{prefix}phone", "must be a phone number, with + and country code if abroad"))
    if "manager_id" in names:
        values["manager_id"] = fields.manager_id
    if "is_available" in names:
        values["is_available"] = fields.is_available
    if "approval_limit" in names:
        limit = Decimal(fields.approval_limit)
        values["approval_limit"] = limit
        if limit <= 0:
            violations.append(Violation(f"{prefix}approval_limit", "must be greater than 0"))
    return values


def _name_violations(name: str, field: str) -> list[Violation]:
    """What the contract's pattern lets through and the table would not."""
    if len(name) > 200:  # a few letters grow longer in NFC
        return [Violation(field, "must be at most 200 characters")]
    if is_blank(name):  # the pattern knows no spaces but those of ASCII
        return [Violation(field, "must not be blank")]
    return []


def _canonical_phone(number: str, region: str) -> str:
    """A phone number in E.164 form; empty if it is none.

    Held to the same check as a customer's: it tells whether an agent is the applicant.
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
