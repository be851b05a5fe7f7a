"""What a notification is, what it says, and how far its delivery can come.

PENDING -> SENDING -> SENT*
^          |`----> PENDING   the attempt failed, or its process died
|          `-----> PARKED    the last attempt failed
`-- by hand ---------'
* final
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from string import Formatter
from uuid import UUID

from chassis.errors import Aborted, InvalidArgument, NotFound, Violation
from chassis.personal import Personal, Recipient


class Channel(StrEnum):
    """The way a message travels."""

    SMS = "SMS"
    PUSH = "PUSH"


class State(StrEnum):
    """How far a delivery has come."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    SENT = "SENT"
    PARKED = "PARKED"


class NotificationNotFound(NotFound):
    """There is no notification with this id."""


class MessagesNotSent(Aborted):
    """Messages about the loan are still to be sent."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message with places for values, and the one way it travels."""

    channel: Channel
    text: str

    @property
    def places(self) -> frozenset[str]:
        """The names of the values it needs."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.text) if name)


_LOAN = "loan of {loan_amount} {currency_code}"

TEMPLATES: Mapping[str, Template] = {
    "LOAN_APPROVED": Template(Channel.SMS, f"Dear {{customer_name}}, your {_LOAN} is approved."),
    "LOAN_REJECTED": Template(
        Channel.SMS, f"Dear {{customer_name}}, we are sorry: we cannot grant your {_LOAN}. {{reasons}}"
    ),
    "LOAN_WITHDRAWN": Template(Channel.SMS, f"Dear {{customer_name}}, your application for a {_LOAN} is withdrawn."),
    "LOAN_EXPIRED": Template(
        Channel.SMS,
        f"Dear {{customer_name}}, your application for a {_LOAN} has expired without a decision. Please apply again.",
    ),
    "LOAN_ASSIGNED": Template(Channel.PUSH, f"{{customer_name}} waits for your decision: {{loan_type}} {_LOAN}."),
    "LOAN_ASSIGNED_TO_REPORT": Template(
        Channel.PUSH, f"{{customer_name}} waits for the decision of {{agent_name}}: {{loan_type}} {_LOAN}."
    ),
    "LOAN_COVERED": Template(
        Channel.PUSH, f"{{customer_name}} waits for your decision on behalf of {{agent_name}}: {{loan_type}} {_LOAN}."
    ),
    "LOAN_ESCALATED": Template(
        Channel.PUSH, f"{{customer_name}} waited too long: {{loan_type}} {_LOAN} went to a manager above you."
    ),
    "LOAN_ESCALATED_TO_MANAGER": Template(
        Channel.PUSH,
        f"{{customer_name}} waited too long for {{agent_name}} and waits for your decision: {{loan_type}} {_LOAN}.",
    ),
}
"""Every message there is."""

_RECIPIENT = {Channel.SMS: re.compile(r"[+][1-9][0-9]{2,14}"), Channel.PUSH: re.compile(r"agent:[1-9][0-9]{0,9}")}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STRANGE = Violation("page_token", "does not belong to this listing")
VALUE_MOST = 400
"""The most characters of one value."""


@dataclass(frozen=True, slots=True)
class NoticePlace:
    """A place in the order of notices."""

    due_at: datetime
    notification_id: UUID


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent.

    Attributes:
        notification_id: UUID of version 7.
        dedupe_key: Identifies the message for ever; the provider gets it as well.
        loan_id: What it is about.
        channel: How it travels.
        recipient: E.164 for SMS, `agent:` and the agent's id for PUSH.
        template: What it was made from.
        body: What it says.
        due_at: When it must have been sent at the latest; a message with such a time is a notice.
    """

    notification_id: UUID
    dedupe_key: str
    loan_id: UUID
    channel: Channel
    recipient: Recipient
    template: str
    body: Personal
    due_at: datetime | None = None

    @property
    def place(self) -> NoticePlace:
        """Its place in the order of notices.

        Raises:
            ValueError: It is not one of them.
        """
        if self.due_at is None:
            raise ValueError(f"notification {self.notification_id} is no notice")
        return NoticePlace(self.due_at, self.notification_id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a message; without an end while it runs, or if its process died."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A message, and what became of it."""

    message: Message
    state: State
    attempts: tuple[Attempt, ...]
    last_error: str
    created_at: datetime
    sent_at: datetime | None


def rendered(template: str, channel: Channel, recipient: str, values: Mapping[str, str]) -> Personal:
    """The text of a message.

    Raises:
        InvalidArgument: The template is unknown, does not travel this way or to this recipient, or lacks a value.
    """
    known = TEMPLATES.get(template)
    if known is None:
        raise InvalidArgument([Violation("template", "is not the name of a template")])
    violations = []
    if channel is not known.channel:
        violations.append(Violation("channel", f"must be {known.channel} for {template}"))
    elif not _RECIPIENT[channel].fullmatch(recipient):
        violations.append(Violation("recipient", f"cannot be reached by {channel}"))
    for name in sorted(known.places):
        if not (value := values.get(name, "")):
            violations.append(Violation(f"values.{name}", "is needed by the template"))
        elif len(value) > VALUE_MOST or _CONTROL.search(value):
            violations.append(Violation(f"values.{name}", f"must be at most {VALUE_MOST} printable characters"))
    if violations:
        raise InvalidArgument(violations)
    return Personal(known.text.format(**{name: values[name] for name in known.places}))


def page_token(after: UUID, *filters: object) -> str:
    """Where a listing goes on, bound to its filters."""
    return _token(after.bytes, *filters)


def read_page_token(token: str, *filters: object) -> UUID:
    """The last notification of the page before.

    Raises:
        InvalidArgument: The token is not one, or belongs to a listing with other filters.
    """
    return UUID(bytes=_read_token(token, 16, *filters))


def notices_token(after: NoticePlace, overdue: bool | None) -> str:
    """Where a listing of notices goes on, bound to its filter."""
    due_us = (after.due_at - _EPOCH) // _MICROSECOND
    return _token(due_us.to_bytes(8, signed=True) + after.notification_id.bytes, "notices", overdue)


def read_notices_token(token: str, overdue: bool | None) -> NoticePlace:
    """The last notice of the page before.

    Raises:
        InvalidArgument: The token is not one, or belongs to a listing with another filter.
    """
    raw = _read_token(token, 24, "notices", overdue)
    try:
        due_at = _EPOCH + int.from_bytes(raw[:8], signed=True) * _MICROSECOND
    except OverflowError:
        raise InvalidArgument([_STRANGE]) from None
    return NoticePlace(due_at, UUID(bytes=raw[8:]))


def _token(place: bytes, *filters: object) -> str:
    return base64.urlsafe_b64encode(place + _digest(*filters)).decode().rstrip("=")


def _read_token(token: str, size: int, *filters: object) -> bytes:
    """The place in a token, so many bytes."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size + 8 or raw[size:] != _digest(*filters):
        raise InvalidArgument([_STRANGE])
    return raw[:size]


def _digest(*filters: object) -> bytes:
    return hashlib.sha256(repr([str(each) for each in filters]).encode()).digest()[:8]
