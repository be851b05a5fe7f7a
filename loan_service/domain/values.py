"""What the loan context talks about."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.personal import NO_WORDS, Name, Personal, Phone

_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})  # Unicode's categories of controls, of format, and of spaces


class LoanType(StrEnum):
    """What a loan is for."""

    PERSONAL = "PERSONAL"
    HOME = "HOME"
    AUTO = "AUTO"
    BUSINESS = "BUSINESS"


class Status(StrEnum):
    """Where an application stands."""

    APPLIED = "APPLIED"
    PROCESSING = "PROCESSING"
    UNDER_REVIEW = "UNDER_REVIEW"
    APPROVED_BY_SYSTEM = "APPROVED_BY_SYSTEM"
    REJECTED_BY_SYSTEM = "REJECTED_BY_SYSTEM"
    APPROVED_BY_AGENT = "APPROVED_BY_AGENT"
    REJECTED_BY_AGENT = "REJECTED_BY_AGENT"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self]

    @property
    def is_approved(self) -> bool:
        """Whether the loan is granted."""
        return self in {Status.APPROVED_BY_SYSTEM, Status.APPROVED_BY_AGENT}

    @property
    def is_rejected(self) -> bool:
        """Whether the loan is refused."""
        return self in {Status.REJECTED_BY_SYSTEM, Status.REJECTED_BY_AGENT}


NEXT: dict[Status, frozenset[Status]] = {
    Status.APPLIED: frozenset({Status.PROCESSING, Status.WITHDRAWN}),
    Status.PROCESSING: frozenset(
        {
            Status.APPLIED,
            Status.APPROVED_BY_SYSTEM,
            Status.REJECTED_BY_SYSTEM,
            Status.UNDER_REVIEW,
            Status.WITHDRAWN,
        }
    ),
    Status.UNDER_REVIEW: frozenset(
        {Status.APPROVED_BY_AGENT, Status.REJECTED_BY_AGENT, Status.WITHDRAWN, Status.EXPIRED}
    ),
    Status.APPROVED_BY_SYSTEM: frozenset(),
    Status.REJECTED_BY_SYSTEM: frozenset(),
    Status.APPROVED_BY_AGENT: frozenset(),
    Status.REJECTED_BY_AGENT: frozenset(),
    Status.WITHDRAWN: frozenset(),
    Status.EXPIRED: frozenset(),
}
"""The one table of transitions."""


class EventKind(StrEnum):
    """What happened to an application."""

    SUBMITTED = "SUBMITTED"
    ASSESSMENT_STARTED = "ASSESSMENT_STARTED"
    ASSESSMENT_INTERRUPTED = "ASSESSMENT_INTERRUPTED"
    REFERRED = "REFERRED"
    ASSIGNED = "ASSIGNED"
    DECIDED = "DECIDED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    RECOMMENDED = "RECOMMENDED"
    FIRST_APPROVED = "FIRST_APPROVED"
    ESCALATED = "ESCALATED"
    COVERED = "COVERED"
    REASSIGNED = "REASSIGNED"
    UNASSIGNED = "UNASSIGNED"
    ERASED = "ERASED"

    @property
    def assigns(self) -> bool:
        """Whether an agent has the review from then on."""
        return self in {EventKind.ASSIGNED, EventKind.ESCALATED, EventKind.COVERED, EventKind.REASSIGNED}


class Right(StrEnum):
    """By which right a person acted on a review."""

    OF_ASSIGNEE = "RIGHT_OF_ASSIGNEE"
    OF_MANAGER = "RIGHT_OF_MANAGER"
    OF_SUBSTITUTE = "RIGHT_OF_SUBSTITUTE"


class SystemReason(StrEnum):
    """Why the system decides, refers or ends something; people give other codes of the same catalogue."""

    AMOUNT_BELOW_REVIEW_THRESHOLD = "AMOUNT_BELOW_REVIEW_THRESHOLD"
    AMOUNT_ABOVE_MAXIMUM = "AMOUNT_ABOVE_MAXIMUM"
    AMOUNT_REQUIRES_REVIEW = "AMOUNT_REQUIRES_REVIEW"
    ASSESSMENT_UNAVAILABLE = "ASSESSMENT_UNAVAILABLE"
    NO_DECISION_IN_TIME = "NO_DECISION_IN_TIME"


CUSTOMER = "customer"
"""How histories name the customer, whose subject is personal; those of staff are the record of who decided."""

OPERATOR = "operator"
"""How histories name staff who act for a customer, or look after the system."""


class LoanNotFound(NotFound):
    """There is no loan with this id."""


class LoanNotUnderReview(FailedPrecondition):
    """The loan does not wait for a human decision, or not any more."""


class LoanAlreadyFinal(FailedPrecondition):
    """The loan has its final state."""


class IdempotencyKeyReused(AlreadyExists):
    """The key came before with other content."""


@dataclass(frozen=True, slots=True)
class Application:
    """A loan application as submitted, checked and in canonical form.

    Attributes:
        loan_id: UUID of version 7.
        customer_name: NFC, no space around it.
        customer_phone: E.164.
        loan_amount: Greater than 0, at most two decimals.
        currency_code: ISO 4217.
        loan_type: What it is for.
        salt: 16 random bytes that hide what is personal in the digests of the loan's history.
        subject: Who submitted it, as the issuer of their token names them; empty in an open system.
        idempotency_key: Empty if the caller gave none.
        actor: Who submitted it, as histories name them: the customer, or somebody for them.
    """

    loan_id: UUID
    customer_name: Name
    customer_phone: Phone
    loan_amount: Decimal
    currency_code: str
    loan_type: LoanType
    salt: bytes = field(repr=False)
    subject: str = ""
    idempotency_key: str = ""
    actor: str = CUSTOMER

    def fingerprint(self) -> bytes:
        """A digest that is the same for the same content, whichever spelling it came in."""
        content = [self.customer_name, self.customer_phone, str(self.loan_amount), self.currency_code, self.loan_type]
        return hashlib.sha256(json.dumps(content).encode()).digest()


@dataclass(frozen=True, slots=True)
class Loan:
    """A stored loan application.

    `version` counts its events, and `event_hash` seals the last one; `review_step_number` is that of the last step of
    its review that is one of them. `salt` is None once the customer's personal data are erased.
    """

    loan_id: UUID
    customer_name: Name
    customer_phone: Phone
    loan_amount: Decimal
    currency_code: str
    loan_type: LoanType
    status: Status
    version: int
    created_at: datetime
    updated_at: datetime
    decided_at: datetime | None
    assigned_agent_id: int | None
    review_step_number: int
    reason_codes: tuple[str, ...]
    event_hash: bytes = field(repr=False)
    salt: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of an application: its loan, new or of an earlier time with the same idempotency key."""

    loan: Loan
    is_replayed: bool


@dataclass(frozen=True, slots=True)
class Authority:
    """By which right and within which limits somebody acted on a review; all None if the actor is no person.

    Attributes:
        right: By which right.
        on_behalf_of_agent_id: The absent agent for whom they acted, or for whom a substitute got the review.
        approval_limit: The most they could approve; None if that was unlimited or they approved nothing.
        customer_exposure: What the limit was held against; None if there was no limit.
    """

    right: Right | None = None
    on_behalf_of_agent_id: int | None = None
    approval_limit: Decimal | None = None
    customer_exposure: Decimal | None = None


NO_AUTHORITY = Authority()
"""What customers and the system have."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a loan's history.

    `subject` is who acted, as the issuer of their token names them; empty for the system, and in an open system.
    `personal_digest` and `hash` seal it (see `chain`), once it is one of a history.
    """

    loan_id: UUID
    version: int
    kind: EventKind
    from_status: Status | None
    to_status: Status
    occurred_at: datetime
    actor: str
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    assigned_agent_id: int | None = None
    authority: Authority = NO_AUTHORITY
    subject: str = ""
    personal_digest: bytes = field(default=b"", repr=False)
    hash: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its place in the order in which all watchers see events: the transaction, then the event."""

    transaction: int
    event: Event

    @property
    def event_id(self) -> str:
        """The place as text."""
        return f"{self.transaction}-{self.event.loan_id.hex}-{self.event.version}"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a loan's life: the loan after it, and what to remember of it."""

    loan: Loan
    event: Event


def canonical_name(name: str) -> Name:
    """A name in Unicode NFC without space around it."""
    return Name(unicodedata.normalize("NFC", name).strip())


def is_blank(name: str) -> bool:
    """Tell whether nothing of a name can be seen: it holds only spaces of any kind and signs without a shape."""
    return all(unicodedata.category(sign) in _UNSEEN for sign in name)
