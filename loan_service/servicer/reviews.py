"""Reviews as the contract speaks of them, in the words of the domain, and the catalogue of reasons."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, Violation
from chassis.personal import Personal
from loan_service.domain import Authority, EventKind, ReviewDecision, ReviewStep, Right
from los.loan.v1 import loan_pb2

_EPOCH = datetime.min.replace(tzinfo=UTC)


def decision(request: loan_pb2.RecordReviewDecisionRequest) -> ReviewDecision:
    """What a person decided."""
    return ReviewDecision(
        request.agent_id,
        request.approved,
        tuple(request.reason_codes),
        Personal(request.comment),
        _authority(request),
        request.subject,
    )


def steps_or_error(
    review: loan_pb2.RecordReviewStepsRequest.Review,
) -> tuple[UUID, Sequence[ReviewStep]] | InvalidArgument:
    """A review's loan and steps, or why they cannot be read."""
    try:
        return UUID(review.loan_id), steps(review.steps)
    except InvalidArgument as error:
        return error


def steps(sent: Sequence[loan_pb2.ReviewStep]) -> list[ReviewStep]:
    """The steps of a review.

    Raises:
        InvalidArgument: With every field that contradicts another.
    """
    violations = [
        Violation(f"steps[{index}].number", "must be greater than that of the step before")
        for index, (before, after) in enumerate(pairwise(sent), start=1)
        if after.number <= before.number
    ]
    read = []
    for index, each in enumerate(sent):
        kind = EventKind(loan_pb2.LoanEvent.Kind.Name(each.kind))
        if kind.assigns != each.HasField("assigned_agent_id"):
            rule = "is needed" if kind.assigns else "must be absent"
            violations.append(Violation(f"steps[{index}].assigned_agent_id", f"{rule} in a step {kind}"))
        if each.actor == "system" and each.right:
            violations.append(Violation(f"steps[{index}].right", "must be unset if the actor is the system"))
        if (occurred_at := _moment(each.occurred_at)) is None:
            violations.append(Violation(f"steps[{index}].occurred_at", "must be a time"))
        read.append(
            ReviewStep(
                number=each.number,
                kind=kind,
                occurred_at=occurred_at or _EPOCH,
                actor=each.actor,
                reason_codes=tuple(each.reason_codes),
                comment=Personal(each.comment),
                assigned_agent_id=each.assigned_agent_id if each.HasField("assigned_agent_id") else None,
                authority=_authority(each),
                subject=each.subject,
            )
        )
    if violations:
        raise InvalidArgument(violations)
    return read


def reasons() -> list[loan_pb2.Reason]:
    """The catalogue of reasons, as the contract declares it."""
    catalogue = []
    for code in loan_pb2.Reason.Code.DESCRIPTOR.values[1:]:  # the first is the unset one
        reason = loan_pb2.Reason(code=code.name)
        reason.MergeFrom(code.GetOptions().Extensions[loan_pb2.reason])  # type: ignore[index]  # stubs know less of it
        catalogue.append(reason)
    return catalogue


def _authority(sent: loan_pb2.ReviewStep | loan_pb2.RecordReviewDecisionRequest) -> Authority:
    """By which right and within which limits somebody acted."""
    return Authority(
        right=Right(loan_pb2.LoanEvent.Right.Name(sent.right)) if sent.right else None,
        on_behalf_of_agent_id=sent.on_behalf_of_agent_id if sent.HasField("on_behalf_of_agent_id") else None,
        approval_limit=_amount(sent.approval_limit) if sent.HasField("approval_limit") else None,
        customer_exposure=_amount(sent.customer_exposure) if sent.HasField("customer_exposure") else None,
    )


def _amount(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def _moment(stamp: Timestamp) -> datetime | None:
    """A time; None if it is none that a calendar has."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
