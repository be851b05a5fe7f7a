"""What the review of a loan by people is made of, as the review service tells it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chassis.personal import NO_WORDS, Personal
from loan_service.domain.values import NO_AUTHORITY, Authority, EventKind, Loan, Status


@dataclass(frozen=True, slots=True)
class Referral:
    """A loan that people are asked to decide, with all that its customer owes or has applied for, this included."""

    loan: Loan
    customer_exposure: Decimal


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """Something that happened in a review and did not end it.

    Attributes:
        number: Its place in the review. Numbers grow; one may be left out.
        kind: What happened.
        occurred_at: When.
        actor: Who did it, as histories name them.
        reason_codes: Why.
        comment: Why, in the actor's words.
        assigned_agent_id: Who has the review from then on; None in steps that give it to nobody.
        authority: By which right and within which limits.
        subject: Who did it, as the issuer of their token names them; empty for the system, and in an open system.
    """

    number: int
    kind: EventKind
    occurred_at: datetime
    actor: str
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    assigned_agent_id: int | None = None
    authority: Authority = NO_AUTHORITY
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """What an agent or manager decided."""

    agent_id: int
    approved: bool
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    authority: Authority = NO_AUTHORITY
    subject: str = ""

    @property
    def actor(self) -> str:
        """Who decided, as histories name them."""
        return f"agent:{self.agent_id}"

    @property
    def outcome(self) -> Status:
        """The status it leads to."""
        return Status.APPROVED_BY_AGENT if self.approved else Status.REJECTED_BY_AGENT
