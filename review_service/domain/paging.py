"""Where the listing of a queue goes on."""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.errors import InvalidArgument, Violation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = struct.Struct(">i?q16s")


@dataclass(frozen=True, slots=True)
class Queue:
    """Whose reviews are listed: an agent's, and with the subtree those of all agents below."""

    agent_id: int
    with_subtree: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A review's place in the order of a queue: oldest first."""

    opened_at: datetime
    loan_id: UUID


def page_token(queue: Queue, last: Place) -> str:
    """Where a queue goes on after the last review of a page."""
    opened_us = (last.opened_at - _EPOCH) // timedelta(microseconds=1)
    packed = _FORM.pack(queue.agent_id, queue.with_subtree, opened_us, last.loan_id.bytes)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_page_token(token: str, queue: Queue) -> Place:
    """The last review of the page before.

    Raises:
        InvalidArgument: The token is not one, or belongs to another queue.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        agent_id, with_subtree, opened_us, loan_id = _FORM.unpack(raw)
        place = Place(_EPOCH + timedelta(microseconds=opened_us), UUID(bytes=loan_id))
    except (binascii.Error, ValueError, struct.error, OverflowError):
        place = None
    if place is None or Queue(agent_id, with_subtree) != queue:
        raise InvalidArgument([Violation("page_token", "does not belong to this listing")])
    return place
