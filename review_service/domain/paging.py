"""Where the listing of an agent's queue goes on."""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.errors import InvalidArgument, Violation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = struct.Struct(">iq16s")


@dataclass(frozen=True, slots=True)
class Place:
    """A review's place in the order of a queue: oldest first."""

    opened_at: datetime
    loan_id: UUID


def page_token(agent_id: int, last: Place) -> str:
    """Where the queue of an agent goes on after the last review of a page."""
    opened_us = (last.opened_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_FORM.pack(agent_id, opened_us, last.loan_id.bytes)).decode().rstrip("=")


def read_page_token(token: str, agent_id: int) -> Place:
    """The last review of the page before.

    Raises:
        InvalidArgument: The token is not one, or belongs to the queue of another agent.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        of_agent_id, opened_us, loan_id = _FORM.unpack(raw)
        place = Place(_EPOCH + timedelta(microseconds=opened_us), UUID(bytes=loan_id))
    except (binascii.Error, ValueError, struct.error, OverflowError):
        of_agent_id, place = 0, None
    if place is None or of_agent_id != agent_id:
        raise InvalidArgument([Violation("page_token", "does not belong to this listing")])
    return place
