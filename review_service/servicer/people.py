"""Agents, from requests and into answers."""

from collections.abc import Sequence
from decimal import Decimal

import phonenumbers

from chassis.errors import InvalidArgument, Violation
from chassis.personal import Email, Phone
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Agent, AgentChanges, Profile, canonical_name, is_blank
from review_service.servicer.terms import limit_text, limit_violations

_CLEARED_IF_UNSET = frozenset({"manager_id", "approval_limit", "max_open_reviews", "loan_types"})

Fields = review_pb2.CreateAgentRequest | review_pb2.UpdateAgentRequest.Changes


def new_agent(request: review_pb2.CreateAgentRequest, region: str) -> tuple[Profile, Decimal | None]:
    """A new agent, and their approval limit.

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
    profile = Profile(
        name=values["name"],
        email=values["email"],
        phone=values["phone"],
        manager_id=values.get("manager_id"),
        is_available=values.get("is_available", True),
        max_open_reviews=values.get("max_open_reviews"),
        loan_types=values.get("loan_types", frozenset()),
    )
    return profile, values.get("approval_limit")


def changes(request: review_pb2.UpdateAgentRequest, region: str) -> AgentChanges:
    """What to change of an agent: the fields that the mask names, or without a mask those that are set.

    Raises:
        InvalidArgument: The mask names something else, or a field that is unset and cannot be cleared; or as in
            `new_agent`.
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
    return given | _cleared(unset)


def successor_id(request: review_pb2.DeactivateAgentRequest) -> int | None:
    """Who takes over from an agent who leaves; None if nobody is named.

    Raises:
        InvalidArgument: It is the agent who leaves.
    """
    if request.successor_agent_id == request.agent_id:
        raise InvalidArgument([Violation("successor_agent_id", "must be another agent")])
    return request.successor_agent_id if request.HasField("successor_agent_id") else None


def agent(stored: Agent) -> review_pb2.Agent:
    """An agent."""
    return review_pb2.Agent(
        agent_id=stored.agent_id,
        name=stored.name,
        email=stored.email,
        phone=stored.phone,
        manager_id=stored.manager_id,
        is_available=stored.is_available,
        approval_limit=limit_text(stored.limits.get("")),
        open_review_count=stored.open_review_count,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        is_active=stored.is_active,
        max_open_reviews=stored.max_open_reviews,
        loan_types=[loan_type for loan_type, _ in loan_pb2.Loan.Type.items() if loan_type in stored.loan_types],
        substitute_agent_id=stored.substitute_id,
    )


def _fields_set(message: Fields) -> list[str]:
    return [field.name for field, _ in message.ListFields()]


def _cleared(names: Sequence[str]) -> AgentChanges:
    """The values of fields that are named but unset."""
    values = AgentChanges()
    if "manager_id" in names:
        values["manager_id"] = None
    if "approval_limit" in names:
        values["approval_limit"] = None
    if "max_open_reviews" in names:
        values["max_open_reviews"] = None
    if "loan_types" in names:
        values["loan_types"] = frozenset()
    return values


def _values(fields: Fields, names: list[str], region: str, violations: list[Violation], *, prefix: str) -> AgentChanges:
    """The named fields in canonical form; what is wrong with them is added to the violations."""
    values = AgentChanges()
    if "name" in names:
        values["name"] = canonical_name(fields.name)
        violations += _name_violations(values["name"], f"{prefix}name")
    if "email" in names:
        values["email"] = Email(fields.email.lower())
    if "phone" in names:
        values["phone"] = _canonical_phone(fields.phone, region)
        if not values["phone"]:
            violations.append(Violation(f"{prefix}phone", "must be a phone number, with + and country code if abroad"))
    if "manager_id" in names:
        values["manager_id"] = fields.manager_id
    if "is_available" in names:
        values["is_available"] = fields.is_available
    if "approval_limit" in names:
        values["approval_limit"] = Decimal(fields.approval_limit)
        violations += limit_violations(Decimal(fields.approval_limit), f"{prefix}approval_limit")
    if "max_open_reviews" in names:
        values["max_open_reviews"] = fields.max_open_reviews
    if "loan_types" in names:
        values["loan_types"] = frozenset(loan_pb2.Loan.Type.Name(loan_type) for loan_type in fields.loan_types)
    return values


def _name_violations(name: str, field: str) -> list[Violation]:
    """What the contract's pattern lets through and the table would not."""
    if len(name) > 200:  # a few letters grow longer in NFC
        return [Violation(field, "must be at most 200 characters")]
    if is_blank(name):  # the pattern knows no spaces but those of ASCII
        return [Violation(field, "must not be blank")]
    return []


def _canonical_phone(number: str, region: str) -> Phone:
    """A phone number in E.164 form; empty if it is none.

    Held to the same check as a customer's: it tells whether an agent is the applicant.
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return Phone()
    if parsed.extension or not phonenumbers.is_possible_number(parsed):
        return Phone()
    return Phone(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
