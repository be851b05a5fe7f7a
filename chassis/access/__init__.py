"""Who calls, and what the call may see and change.

The gate in front of all methods finds it out, by the rule in the contract of the method, before the method begins. Each
method then asks for its scope, and puts it into its statements: what is not in scope is not found.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from types import TracebackType

Own = Mapping[str, str | int]
"""By the name of a verified claim, whose things are the caller's own: `{"agent_id": 3}`."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a call may see and change.

    Attributes:
        everything: All there is; the rest says nothing then.
        own: Otherwise only what belongs to whoever one of these claims names.
        with_subtree: Or to those below them.
    """

    everything: bool = False
    own: Own = field(default_factory=dict)
    with_subtree: bool = False


EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        subject: Who, as the issuer of the token names them; empty for another service, and in an open system.
        roles: What they are, in upper case.
        peer: The service that calls on its own account; empty for a person.
    """

    subject: str = ""
    roles: frozenset[str] = frozenset()
    peer: str = ""


ANYBODY = Caller()
"""The caller of an open system."""


@dataclass(slots=True)
class Admitted:
    """A call that was let in.

    Attributes:
        caller: Who calls.
        scope: What they may see and change.
        expires_at: When that ends, in seconds since 1970.
        has_asked: Whether the method has asked for its scope.
    """

    caller: Caller = ANYBODY
    scope: Scope = EVERYTHING
    expires_at: float = inf
    has_asked: bool = field(default=False)

    def valid_s(self) -> float | None:
        """How much longer the call may last, in seconds; None if nothing ends it."""
        return None if self.expires_at == inf else max(0.0, self.expires_at - time.time())


_ADMITTED: ContextVar[Admitted] = ContextVar("admitted")


def caller() -> Caller:
    """Who makes the running call; anybody where no gate stands before it."""
    admitted = _ADMITTED.get(None)
    return ANYBODY if admitted is None else admitted.caller


def scope() -> Scope:
    """What the running call may see and change; everything where no gate stands before it."""
    admitted = _ADMITTED.get(None)
    if admitted is None:
        return EVERYTHING
    admitted.has_asked = True
    return admitted.scope


def require_asked() -> None:
    """Make sure that the running call, which is about to be answered, has asked for its scope if that is limited.

    Raises:
        RuntimeError: It has not, so that it may have told of things of others, or changed them: a defect of ours.
    """
    admitted = _ADMITTED.get(None)
    if admitted is not None and not admitted.has_asked and not admitted.scope.everything:
        raise RuntimeError("the method has a limited scope and did not ask for it")


class running:  # noqa: N801 -- reads as a statement: `with running(admitted):`
    """Have `caller` and `scope` tell of this call within a `with` block, and in whatever it calls or waits for."""

    __slots__ = ("_admitted", "_token")

    def __init__(self, admitted: Admitted) -> None:
        self._admitted = admitted

    def __enter__(self) -> None:
        self._token = _ADMITTED.set(self._admitted)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _ADMITTED.reset(self._token)
