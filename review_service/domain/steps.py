"""The steps of a review that do not end it, and by which right people take them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.personal import NO_WORDS, Personal


class StepKind(StrEnum):
    """What happened in a review. Steps that give it to somebody carry the agent who has it from then on."""

    ASSIGNED = "ASSIGNED"
    RECOMMENDED = "RECOMMENDED"
    FIRST_APPROVED = "FIRST_APPROVED"
    ESCALATED = "ESCALATED"
    COVERED = "COVERED"
    REASSIGNED = "REASSIGNED"
    UNASSIGNED = "UNASSIGNED"


GIVING = frozenset({StepKind.ASSIGNED, StepKind.ESCALATED, StepKind.COVERED, StepKind.REASSIGNED})
"""The steps that give a review to somebody."""


class Right(StrEnum):
    """By which right a person acts on a review."""

    RIGHT_OF_ASSIGNEE = "RIGHT_OF_ASSIGNEE"
    RIGHT_OF_MANAGER = "RIGHT_OF_MANAGER"
    RIGHT_OF_SUBSTITUTE = "RIGHT_OF_SUBSTITUTE"


SYSTEM = "system"
"""How histories name an actor who is no person."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """By which right a person acts on a review, and within which limit.

    Attributes:
        right: The right.
        on_behalf_of_agent_id: The absent agent for whom they act; None if there is none.
        limit: Their approval limit; None if it is unlimited or nothing is approved.
        exposure: The customer's exposure that the limit was held against; None as above.
    """

    right: Right
    on_behalf_of_agent_id: int | None = None
    limit: Decimal | None = None
    exposure: Decimal | None = None

    def cover(self, amount: Decimal) -> bool:
        """Whether an amount, and with it all that its customer owes or has applied for, is within the limit."""
        return self.limit is None or max(amount, self.exposure or amount) <= self.limit


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something to a review, and why.

    Attributes:
        actor: `system`, or `agent:` and the agent's id.
        reason_codes: Why, as codes.
        comment: Why, in the actor's words, for staff.
        grounds: By which right; None for the system.
        subject: Who, as the issuer of their token names them; empty for the system, and where nobody needs a token.
    """

    actor: str = SYSTEM
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    grounds: Grounds | None = None
    subject: str = ""


BY_SYSTEM = Act()
"""What happens without a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened in a review and did not end it.

    Attributes:
        loan_id: Whose review.
        number: The place of the step in the review, counted from 1.
        kind: What happened.
        occurred_at: When.
        actor: Who did it: `system`, or `agent:` and the agent's id.
        reason_codes: Why, as codes.
        comment: Why, in the actor's words, for staff.
        assigned_agent_id: Who has the review from then on; None in steps that give it to nobody.
        right: By which right the actor acted; None for the system.
        on_behalf_of_agent_id: The absent agent for whom the review was assigned, or for whom the actor acted.
        approval_limit: The actor's limit; None if it was unlimited or the step is no approval.
        customer_exposure: What the limit was held against; None as above.
        subject: Who the actor is by their token; empty as in an Act.
    """

    loan_id: UUID
    number: int
    kind: StepKind
    occurred_at: datetime
    actor: str
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    assigned_agent_id: int | None = None
    right: Right | None = None
    on_behalf_of_agent_id: int | None = None
    approval_limit: Decimal | None = None
    customer_exposure: Decimal | None = None
    subject: str = ""
