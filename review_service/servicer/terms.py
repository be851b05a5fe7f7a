"""What agents may decide and when they are covered, from requests and into answers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, Violation
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import ApprovalLimit, Cover


@dataclass(frozen=True, slots=True)
class LimitWanted:
    """A limit to be set; None for the type means all, for the amount unlimited, for the time now."""

    loan_type: str | None
    amount: Decimal | None
    valid_from: datetime | None


@dataclass(frozen=True, slots=True)
class CoverWanted:
    """A cover to be stored; without a start it begins now."""

    substitute_id: int
    starts_at: datetime | None
    ends_at: datetime


def limit_wanted(request: review_pb2.SetApprovalLimitRequest) -> LimitWanted:
    """A limit to be set.

    Raises:
        InvalidArgument: A rule is broken that the contract cannot express.
    """
    violations: list[Violation] = []
    amount = Decimal(request.amount) if request.HasField("amount") else None
    if amount is not None:
        violations += limit_violations(amount, "amount")
    valid_from = _moment(request.valid_from, "valid_from", violations) if request.HasField("valid_from") else None
    if violations:
        raise InvalidArgument(violations)
    return LimitWanted(loan_pb2.Loan.Type.Name(request.loan_type) if request.loan_type else None, amount, valid_from)


def cover_wanted(request: review_pb2.CreateCoverRequest) -> CoverWanted:
    """A cover to be stored.

    Raises:
        InvalidArgument: A rule is broken that the contract cannot express.
    """
    violations: list[Violation] = []
    if request.substitute_agent_id == request.agent_id:
        violations.append(Violation("substitute_agent_id", "must be another agent"))
    starts_at = _moment(request.starts_at, "starts_at", violations) if request.HasField("starts_at") else None
    ends_at = _moment(request.ends_at, "ends_at", violations)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        violations.append(Violation("ends_at", "must be later than starts_at"))
    if violations or ends_at is None:
        raise InvalidArgument(violations)
    return CoverWanted(request.substitute_agent_id, starts_at, ends_at)


def limit(stored: ApprovalLimit) -> review_pb2.ApprovalLimit:
    """A limit."""
    return review_pb2.ApprovalLimit(
        agent_id=stored.agent_id,
        loan_type=stored.loan_type,
        amount=limit_text(stored.amount),
        valid_from=stored.valid_from,
    )


def cover(stored: Cover) -> review_pb2.Cover:
    """A cover."""
    return review_pb2.Cover(
        cover_id=stored.cover_id,
        agent_id=stored.agent_id,
        substitute_agent_id=stored.substitute_id,
        starts_at=stored.starts_at,
        ends_at=stored.ends_at,
    )


def limit_text(amount: Decimal | None) -> str | None:
    """A limit with two digits after the point; None if it is unlimited."""
    return None if amount is None else f"{amount:.2f}"


def limit_violations(amount: Decimal, field: str) -> list[Violation]:
    """What is wrong with a limit that keeps the contract's pattern."""
    return [] if amount > 0 else [Violation(field, "must be greater than 0")]


def _moment(stamp: Timestamp, field: str, violations: list[Violation]) -> datetime | None:
    """A moment, to the microsecond; None, and a violation, if there is no such moment."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        violations.append(Violation(field, "must be a time between the years 1 and 9999"))
        return None
