"""The chain of a loan's history: each event is sealed by a hash over itself and over the hash of the event before it.

Whoever changes, removes, swaps or inserts an event has to seal all that follow anew, and the hash that the loan keeps
of its last one. The hash is SHA-256 over one form of the event, in which no two different events look the same:

    FORM            one byte: how the rest is written
    previous        32 bytes: the hash of the event before it, or `start` of the loan
    fields          texts one after the other, each with its length before it; what is absent is `-,`
    occurred_at     8 bytes: microseconds since 1970 in UTC, big-endian

What is personal is not among the fields. A digest of it, salted with a secret of the loan, stands for it: the texts can
be erased, and the salt with them, and the chain still holds. Without the salt nobody can find them by trying.

The database has the same form as functions in SQL, for rows that no service writes: whoever changes one changes both.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from loan_service.domain.values import CUSTOMER, Application, Event, EventKind, Loan, Status

FORM = b"\x01"
"""Which form the hashes are over; another form gets another byte."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which a history is not what was written.

    Attributes:
        version: The event.
        finding: What is wrong there.
    """

    version: int
    finding: str


@dataclass(frozen=True, slots=True)
class Head:
    """All events of a day in one digest: kept elsewhere, it shows later that none of them was changed or removed.

    Attributes:
        day: Which day, in UTC.
        events: How many events.
        digest: SHA-256 over their hashes, in hexadecimal digits.
        until: Only events of earlier transactions count: those that had ended when the head was taken.
    """

    day: date
    events: int
    digest: str
    until: int


def start(loan_id: UUID) -> bytes:
    """What stands for the hash before the first event of a loan."""
    return hashlib.sha256(FORM + loan_id.bytes).digest()


def first_event(application: Application, now: datetime) -> Event:
    """The event that every history begins with, not yet sealed."""
    return Event(
        application.loan_id,
        1,
        EventKind.SUBMITTED,
        None,
        Status.APPLIED,
        now,
        application.actor,
        subject=application.subject,
    )


def sealed(event: Event, previous: bytes, salt: bytes | None, applied: Application | Loan | None = None) -> Event:
    """An event with its digest and its hash.

    Args:
        event: What happened.
        previous: The hash of the event before it.
        salt: The loan's; None once it is erased.
        applied: What was applied for, which the first event holds.
    """
    digest = personal_digest(event, salt, applied)
    return replace(event, personal_digest=digest, hash=_hash(event, digest, previous, applied))


def opening(application: Application) -> tuple[bytes, bytes]:
    """The digest of a loan's first event, and its form up to the time, which only the database knows.

    The hash is SHA-256 over the form and the time.
    """
    event = first_event(application, _EPOCH)
    digest = personal_digest(event, application.salt, application)
    return digest, _untimed(event, digest, start(event.loan_id), application)


def personal_digest(event: Event, salt: bytes | None, applied: Application | Loan | None = None) -> bytes:
    """What stands in an event for all that is personal in it; empty if nothing is.

    Raises:
        ValueError: Something is, but the loan is erased: a defect of ours.
    """
    texts = _personal(event, applied)
    if not any(texts):
        return b""
    if salt is None:
        raise ValueError(f"loan {event.loan_id} is erased and takes nothing personal any more")
    return hashlib.sha256(salt + "".join(map(_field, texts)).encode()).digest()


def find_break(loan: Loan, history: Sequence[Event]) -> Break | None:
    """Where a history is first not what was written, or the loan is not what its history says; None if all is well.

    Args:
        loan: The loan as it is stored.
        history: All events of it that are stored, by ascending version.
    """
    previous = start(loan.loan_id)
    for version, event in enumerate(history, start=1):
        finding = _broken_link(loan, event, version, previous)
        if finding is not None:
            return Break(version, finding)
        previous = event.hash
    if len(history) < loan.version:
        return Break(len(history) + 1, f"is missing: the loan has had {loan.version} events")
    if len(history) > loan.version:
        return Break(loan.version + 1, f"is unknown to the loan, which has had {loan.version} events")
    if loan.event_hash != previous:
        return Break(loan.version, "is not the last event that the loan knows")
    finding = _contradiction(loan, history)
    return None if finding is None else Break(loan.version, finding)


def _broken_link(loan: Loan, event: Event, version: int, previous: bytes) -> str | None:
    """What is wrong with one event; None if nothing is."""
    if event.version != version:
        return f"is missing: event {event.version} is the next one"
    applied = loan if version == 1 else None
    if loan.salt is not None:
        if event.personal_digest != personal_digest(event, loan.salt, applied):
            subject = "the customer's name or phone, or " if applied else ""
            return f"has another personal digest: {subject}its comment or subject was changed"
    elif any(_personal(event, None)):
        return "holds something personal, but the loan is erased"
    if event.hash != _hash(event, event.personal_digest, previous, applied):
        amount = " or the amount, currency or type of the loan" if applied else ""
        return f"has another hash: it{amount} was changed, or the event before it"
    return None


def _contradiction(loan: Loan, history: Sequence[Event]) -> str | None:
    """In what a loan is not what its history says; None if it is."""
    moves = [event for event in history if event.from_status is not event.to_status]
    agents = [event for event in history if event.kind.assigns or event.kind is EventKind.UNASSIGNED]
    said = {
        "status": (loan.status, history[-1].to_status),
        "decided_at": (loan.decided_at, moves[-1].occurred_at if moves[-1].to_status.is_final else None),
        "reason_codes": (loan.reason_codes, moves[-1].reason_codes),
        "assigned_agent_id": (loan.assigned_agent_id, agents[-1].assigned_agent_id if agents else None),
        "salt": (loan.salt is None, any(event.kind is EventKind.ERASED for event in history)),
    }
    for name, (stored, told) in said.items():
        if stored != told:
            return f"is followed by a loan whose {name} is not what the history says"
    return None


def _personal(event: Event, applied: Application | Loan | None) -> list[str]:
    """The texts that may have to be erased one day."""
    subject = event.subject if event.actor == CUSTOMER else ""
    who = [] if applied is None else [applied.customer_name, applied.customer_phone]
    return [*who, event.comment, subject]


def _hash(event: Event, digest: bytes, previous: bytes, applied: Application | Loan | None) -> bytes:
    """The hash of an event."""
    since = (event.occurred_at - _EPOCH) // _MICROSECOND
    return hashlib.sha256(_untimed(event, digest, previous, applied) + since.to_bytes(8, "big", signed=True)).digest()


def _untimed(event: Event, digest: bytes, previous: bytes, applied: Application | Loan | None) -> bytes:
    """The form of an event up to its time."""
    authority = event.authority
    fields = [
        str(event.loan_id),
        str(event.version),
        event.kind,
        event.from_status,
        event.to_status,
        event.actor,
        None if event.actor == CUSTOMER else event.subject,
        "".join(map(_field, event.reason_codes)),
        _number(event.assigned_agent_id),
        authority.right,
        _number(authority.on_behalf_of_agent_id),
        _amount(authority.approval_limit),
        _amount(authority.customer_exposure),
        digest.hex(),
    ]
    if applied is not None:
        fields += [_amount(applied.loan_amount), applied.currency_code, applied.loan_type]
    return FORM + previous + "".join(map(_field, fields)).encode()


def _field(text: str | None) -> str:
    """A text with its length in bytes before it, so that where it ends does not depend on what it holds."""
    if text is None:
        return "-,"
    length = len(text) if text.isascii() else len(text.encode())
    return str(length) + ":" + text + ","  # joined and not formatted: that would mask what is personal


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"
