"""Places in listings and in the order of all events, as text that callers hand back."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from uuid import UUID

from chassis.errors import InvalidArgument, Violation
from loan_service.domain.values import Status


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of all events; the text form is StoredEvent.event_id."""

    transaction: int
    loan_id: UUID
    version: int

    @property
    def event_id(self) -> str:
        """The text form."""
        return f"{self.transaction}-{self.loan_id.hex}-{self.version}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read the text form.

        Raises:
            InvalidArgument: It is not one.
        """
        try:
            transaction, loan_id, version = text.split("-")
            position = cls(int(transaction), UUID(hex=loan_id), int(version))
        except ValueError:
            position = None
        if position is None or position.transaction >= 2**63 or position.version >= 2**31:
            raise InvalidArgument([Violation("after_event_id", "is not the id of an event")])
        return position


def page_token(after: UUID, status: Status | None, phone: str) -> str:
    """Where a listing goes on, bound to its filters."""
    return base64.urlsafe_b64encode(after.bytes + _filter_digest(status, phone)).decode().rstrip("=")


def read_page_token(token: str, status: Status | None, phone: str) -> UUID:
    """The last loan of the page before.

    Raises:
        InvalidArgument: The token is not one, or belongs to a listing with other filters.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 24 or raw[16:] != _filter_digest(status, phone):
        raise InvalidArgument([Violation("page_token", "does not belong to this listing")])
    return UUID(bytes=raw[:16])


def _filter_digest(status: Status | None, phone: str) -> bytes:
    return hashlib.sha256(f"{status or ''}|{phone}".encode()).digest()[:8]
