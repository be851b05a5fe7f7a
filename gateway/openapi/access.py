"""Who may call a method, as its contract says it, if it says it at all."""

from typing import Any, cast

from google.protobuf.descriptor import MethodDescriptor

from gateway.openapi import edges
from los.access.v1 import access_pb2

Part = dict[str, Any]  # Any: whatever JSON can hold

SCHEME = "token"
SECURITY_SCHEMES: Part = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the issuer that the system is connected to; an open system wants none.",
    }
}


def of(method: MethodDescriptor) -> Part:
    """What an operation says of who may call it; nothing if the contract does not."""
    grants = _grants(method)
    if not grants:
        return {}
    return {"security": [{SCHEME: []}, {}], "x-roles": [_role(grant) for grant in grants]}


def sentence(method: MethodDescriptor) -> str:
    """The same for people; empty if the contract does not say it."""
    said = [f"`{_role(grant)}`{_within(grant)}" for grant in _grants(method)]
    return f"With authentication on, for these roles: {', '.join(said)}." if said else ""


def failures(method: MethodDescriptor) -> Part:
    """The failures that come of it, by HTTP status."""
    return edges.ACCESS_FAILURES if _grants(method) else {}


def _grants(method: MethodDescriptor) -> list[access_pb2.Grant]:
    options = cast("Any", method.GetOptions())  # extensions are beyond what its type can say
    access: access_pb2.Access = options.Extensions[access_pb2.access]
    return list(access.grants)


def _role(grant: access_pb2.Grant) -> str:
    return access_pb2.Grant.Role.Name(grant.role).lower()


def _within(grant: access_pb2.Grant) -> str:
    """Whose things they may see and change."""
    if not grant.within:
        return ""
    claim = access_pb2.Grant.Claim.Name(grant.within).lower()
    return f" (what is theirs by the claim `{claim}`{' or belongs to those below' if grant.subtree else ''})"
