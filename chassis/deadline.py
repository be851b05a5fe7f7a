"""How long the caller of the running call still waits.

gRPC lets a method run on after its caller has left with DEADLINE_EXCEEDED. What the method has not committed by then,
it does not commit any more: the caller takes it for failed and may have done something else since.
"""

import math
import time
from contextvars import ContextVar

from chassis.errors import DeadlineExceeded

answer_by: ContextVar[float] = ContextVar("answer_by", default=math.inf)
"""Until when the caller waits, on the monotonic clock; for ever where nobody does."""


class CallerGone(DeadlineExceeded):
    """The caller does not wait any more."""


def in_seconds(remaining_s: float | None) -> float:
    """The value of `answer_by` for a caller who waits so much longer; None waits for ever."""
    return math.inf if remaining_s is None else time.monotonic() + remaining_s


def require_time_left() -> None:
    """Make sure that somebody still waits.

    Raises:
        CallerGone: Nobody does.
    """
    if time.monotonic() > answer_by.get():
        raise CallerGone("the time for an answer is over; nothing was changed")
