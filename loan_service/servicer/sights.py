"""What the running call may see, in the words of this context."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import replace

from chassis import access
from chassis.errors import PermissionDenied
from loan_service.domain import ALL, CUSTOMER, OPERATOR, Application, Sight


class PhoneNotVerified(PermissionDenied):
    """Somebody applies in the name of another: the application's number is not the one that the token proves."""


def current(branch_of: Callable[[int], Collection[int]]) -> Sight:
    """What the caller may see.

    Args:
        branch_of: Answers the ids of an agent and of all who report to them.
    """
    scope = access.scope()
    if scope.everything:
        return ALL
    agent_ids: Collection[int] = ()
    if isinstance(agent_id := scope.own.get("agent_id"), int):
        agent_ids = branch_of(agent_id) if scope.with_subtree else (agent_id,)
    return Sight(phone=_phone(scope), agent_ids=tuple(sorted(agent_ids)))


def applied(application: Application) -> Application:
    """An application as its caller may make it: with an idempotency key that is theirs alone.

    Raises:
        PhoneNotVerified: It is in the name of somebody else.
    """
    scope, subject = access.scope(), access.caller().subject
    if not scope.everything and application.customer_phone != _phone(scope):
        raise PhoneNotVerified("customer_phone must be the number that your token proves")
    application = replace(application, actor=actor())
    if not (subject and application.idempotency_key):
        return application
    theirs = hashlib.sha256(f"{subject}\n{application.idempotency_key}".encode()).hexdigest()
    return replace(application, idempotency_key=theirs)


def actor() -> str:
    """How histories name the caller: in an open system everybody is the customer."""
    return OPERATOR if access.caller().subject and access.scope().everything else CUSTOMER


def _phone(scope: access.Scope) -> str:
    phone = scope.own.get("phone", "")
    return phone if isinstance(phone, str) else ""
