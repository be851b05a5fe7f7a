"""The failure vocabulary.

    ServiceError                       INTERNAL unless a kind below says better
     |- InvalidArgument                the caller must change the request; lists every violation
     |- NotFound                       no such thing
     |- AlreadyExists                  another one stands in the way
     |- FailedPrecondition             not in the state that this needs
     |- Unauthenticated                who calls is not known
     |- PermissionDenied               not for this caller
     |- Aborted            (passing)   lost a race; the same call may succeed
     |- ResourceExhausted  (passing)   too much at once; says when to come back
     |- Unavailable        (passing)   something needed is away
     `- DeadlineExceeded   (passing)   out of time; whether it happened is unknown

Services derive their own from these and name them for what happened: the machine-readable reason of `LoanNotFound`
is LOAN_NOT_FOUND, so no table maps one to the other. A passing failure says nothing about the request: the same one
may succeed later, unchanged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class ServiceError(Exception):
    """A failure whose text may be shown to the caller.

    Args:
        message: One sentence for the caller, free of internal detail.
        reason: The machine-readable reason; the class's name in UPPER_SNAKE unless another service gave one.
    """

    code: ClassVar[str] = "INTERNAL"
    passing: ClassVar[bool] = False

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or _WORD_START.sub("_", type(self).__name__).upper()


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: the dotted path of the field, and what it must be."""

    field: str
    description: str


class InvalidArgument(ServiceError):
    """The request breaks rules; all of them are listed."""

    code = "INVALID_ARGUMENT"

    def __init__(self, violations: Sequence[Violation]) -> None:
        listed = "; ".join(f"{v.field}: {v.description}" if v.field else v.description for v in violations)
        super().__init__(listed or "the request is invalid")
        self.violations = tuple(violations)


class NotFound(ServiceError):
    """There is no such thing."""

    code = "NOT_FOUND"


class AlreadyExists(ServiceError):
    """Another one stands in the way."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(ServiceError):
    """The thing is not in the state that this needs."""

    code = "FAILED_PRECONDITION"


class Unauthenticated(ServiceError):
    """Who calls is not known, or not proven."""

    code = "UNAUTHENTICATED"


class PermissionDenied(ServiceError):
    """This caller may not do this."""

    code = "PERMISSION_DENIED"


class Aborted(ServiceError):
    """A race was lost; the same call may succeed."""

    code = "ABORTED"
    passing = True


class ResourceExhausted(ServiceError):
    """Too much at once.

    Args:
        message: One sentence for the caller.
        retry_after_s: When to come back, in whole seconds.
        reason: As in ServiceError.
    """

    code = "RESOURCE_EXHAUSTED"
    passing = True

    def __init__(self, message: str, *, retry_after_s: int = 1, reason: str = "") -> None:
        super().__init__(message, reason=reason)
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    """Something that is needed is away."""

    code = "UNAVAILABLE"
    passing = True


class DeadlineExceeded(ServiceError):
    """Out of time; whether the effect happened is unknown."""

    code = "DEADLINE_EXCEEDED"
    passing = True


def is_passing(error: BaseException) -> bool:
    """Tell whether the same work may succeed later, unchanged."""
    return isinstance(error, ServiceError) and error.passing
