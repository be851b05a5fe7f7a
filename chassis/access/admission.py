"""Lets calls in that their callers may make, and refuses the others."""

from collections.abc import Callable, Collection
from typing import Any, Protocol

from chassis.access import EVERYTHING, Admitted, Caller, Scope
from chassis.access.rules import Grant, Rule
from chassis.access.tokens import Claims
from chassis.errors import PermissionDenied, Unauthenticated

SCHEME = "bearer "


class TokenRequired(Unauthenticated):
    """There is no token, or not one of the kind that is wanted."""


class RoleNotPermitted(PermissionDenied):
    """The caller has no role that may do this."""


class ClaimMissing(PermissionDenied):
    """The caller's role may do this to their own things only, and the token does not say whose these are."""


class PeersOnly(PermissionDenied):
    """Only certain other services may do this."""


class Verifier(Protocol):
    """Knows genuine tokens."""

    def verify(self, token: str) -> Claims:
        """What a token says; raises Unauthenticated if it is not genuine."""


class Admission:
    """Holds calls against the rules of their methods.

    Args:
        tokens: Tells genuine tokens.
        peer_of: The name in the verified certificate of who made a call, given its context; empty if there is none.
    """

    def __init__(self, tokens: Verifier, peer_of: Callable[[Any], str]) -> None:
        self._tokens = tokens
        self._peer_of = peer_of

    def admit(self, rule: Rule, context: Any) -> Admitted:  # noqa: ANN401 -- three kinds of context
        """Let a call in.

        Raises:
            Unauthenticated: It comes without a genuine token, and only with one it could be let in.
            PermissionDenied: It does not come from anybody who may.
        """
        sent = [value for name, value in context.invocation_metadata() or () if name == "authorization"]
        if not sent and rule.peers and (peer := self._peer_of(context)) in rule.peers:
            return Admitted(Caller(peer=peer))
        if not rule.grants:
            raise PeersOnly("this is for other services of the system only")
        claims = self._tokens.verify(_token(sent))
        caller = Caller(claims.subject, claims.roles)
        return Admitted(caller, _scope(rule.grants, claims), claims.expires_at)


def _token(sent: Collection[str | bytes]) -> str:
    """The token of a call."""
    if len(sent) != 1:
        raise TokenRequired("exactly one bearer token is required")
    value = next(iter(sent))
    if not isinstance(value, str) or value[: len(SCHEME)].lower() != SCHEME:
        raise TokenRequired("the authorization must be a bearer token")
    return value[len(SCHEME) :].strip()


def _scope(grants: Collection[Grant], claims: Claims) -> Scope:
    """What all grants for the caller's roles add up to."""
    of_roles = [grant for grant in grants if grant.role in claims.roles]
    if not of_roles:
        raise RoleNotPermitted("your role may not do this")
    if any(not grant.within for grant in of_roles):
        return EVERYTHING
    given = [grant for grant in of_roles if grant.within in claims.own]
    if not given:
        raise ClaimMissing(f"your token must hold the claim {of_roles[0].within}")
    own = {grant.within: claims.own[grant.within] for grant in given}
    return Scope(own=own, with_subtree=any(grant.subtree for grant in given))
