"""Reads from the contracts who may call what."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from los.access.v1 import access_pb2

FOR_EVERYBODY = frozenset({"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"})
"""Services that tell nothing of what others keep here: whoever reaches the port may call them."""


class NoRule(Exception):
    """A method says nowhere who may call it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may call.

    Attributes:
        role: Those who have it, in upper case.
        within: The claim that tells what they may see and change; empty if it is everything.
        subtree: Whether what belongs to those below counts as well.
    """

    role: str
    within: str
    subtree: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a method: with a token by one of the grants, or as one of the peers."""

    grants: tuple[Grant, ...] = ()
    peers: frozenset[str] = frozenset()


def rule_of(method: str) -> Rule:
    """The rule for `/los.loan.v1.LoanService/GetLoan`.

    Raises:
        NoRule: Its contract has none.
    """
    name = method.strip("/").replace("/", ".")
    try:
        return _rule(descriptor_pool.Default().FindMethodByName(name))
    except KeyError:
        raise NoRule(f"{name} is in no contract") from None


def require_rules(services: Iterable[str]) -> None:
    """Make sure that every method of these services says who may call it.

    Raises:
        NoRule: Some do not; names all of them.
    """
    missing = []
    for service in services:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            try:
                _rule(method)
            except NoRule as error:
                missing.append(str(error))
    if missing:
        raise NoRule("; ".join(missing))


def _rule(method: MethodDescriptor) -> Rule:
    options: Any = method.GetOptions()  # its type knows no options of others
    access: access_pb2.Access = options.Extensions[access_pb2.access]
    grants = tuple(_grant(grant) for grant in access.grants)
    if (not grants and not access.peers) or any(not grant.role for grant in access.grants):
        raise NoRule(f"{method.full_name} does not say who may call it")
    return Rule(grants, frozenset(access.peers))


def _grant(grant: access_pb2.Grant) -> Grant:
    role = access_pb2.Grant.Role.Name(grant.role)
    within = access_pb2.Grant.Claim.Name(grant.within).lower() if grant.within else ""
    return Grant(role, within, grant.subtree)
