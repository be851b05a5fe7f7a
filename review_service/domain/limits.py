"""Approval limits over time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chassis.errors import AlreadyExists, InvalidArgument, Violation


class LimitAlreadySet(AlreadyExists):
    """Another limit of the agent for this type of loan begins at the same time."""


@dataclass(frozen=True, slots=True)
class ApprovalLimit:
    """The largest amount that an agent may approve, from a time until the next limit of the same type.

    Attributes:
        agent_id: The agent.
        loan_type: The type of loans it holds for; None means all types without a limit of their own.
        amount: None means unlimited.
        valid_from: When it begins to hold.
    """

    agent_id: int
    loan_type: str | None
    amount: Decimal | None
    valid_from: datetime


def refuse_past(valid_from: datetime, now: datetime) -> None:
    """Make sure that a limit does not change what was right to decide before.

    Raises:
        InvalidArgument: It would begin in the past.
    """
    if valid_from < now:
        raise InvalidArgument([Violation("valid_from", "must not have passed")])
