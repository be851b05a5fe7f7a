"""Who is let in, and with which scope, by the rule of a method and what a call comes with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from chassis import access
from chassis.access import EVERYTHING, Admitted, Caller, Scope
from chassis.access.admission import Admission, ClaimMissing, PeersOnly, RoleNotPermitted, TokenRequired
from chassis.access.rules import Grant, NoRule, Rule, require_rules, rule_of
from chassis.access.tokens import Claims
from chassis.errors import Unauthenticated

EXPIRES_AT = 2_000_000_000.0
OWN = Grant("CUSTOMER", "phone", subtree=False)
ASSIGNED = Grant("AGENT", "agent_id", subtree=False)
BRANCH = Grant("MANAGER", "agent_id", subtree=True)
ALL = Grant("OPERATOR", "", subtree=False)


class NotGenuine(Unauthenticated):
    """The token is none of the issuer's."""


class Issuer:
    """Knows one genuine token."""

    def __init__(self, *roles: str, **own: str | int) -> None:
        self._claims = Claims(subject="somebody", roles=frozenset(roles), own=own, expires_at=EXPIRES_AT)

    def verify(self, token: str) -> Claims:
        if token != "genuine":
            raise NotGenuine("the token is not valid")
        return self._claims


@dataclass
class Call:
    metadata: list[tuple[str, str | bytes]] = field(default_factory=list)
    peer: str = ""

    def invocation_metadata(self) -> list[tuple[str, str | bytes]]:
        return self.metadata


def admit(rule: Rule, issuer: Issuer, *authorization: str | bytes, peer: str = "") -> Admitted:
    call = Call([("x-request-id", "1"), *(("authorization", value) for value in authorization)], peer)
    return Admission(issuer, lambda context: context.peer).admit(rule, call)


@pytest.mark.parametrize(
    ("roles", "own", "expected"),
    [
        (["OPERATOR"], {}, EVERYTHING),
        (["CUSTOMER"], {"phone": "+14155550123"}, Scope(own={"phone": "+14155550123"})),
        (["AGENT"], {"agent_id": 3, "phone": "+14155550123"}, Scope(own={"agent_id": 3})),
        (["MANAGER"], {"agent_id": 3}, Scope(own={"agent_id": 3}, with_subtree=True)),
        (["AGENT", "MANAGER"], {"agent_id": 3}, Scope(own={"agent_id": 3}, with_subtree=True)),
        (["AGENT", "CUSTOMER"], {"agent_id": 3, "phone": "+1"}, Scope(own={"agent_id": 3, "phone": "+1"})),
        (["AGENT", "OPERATOR"], {"agent_id": 3}, EVERYTHING),
        (["AGENT", "CUSTOMER"], {"agent_id": 3}, Scope(own={"agent_id": 3})),
    ],
)
def test_a_scope_is_what_all_grants_for_the_callers_roles_add_up_to(
    roles: list[str], own: Mapping[str, str | int], expected: Scope
) -> None:
    admitted = admit(Rule((OWN, ASSIGNED, BRANCH, ALL)), Issuer(*roles, **own), "Bearer genuine")
    assert admitted.scope == expected
    assert admitted.caller == Caller("somebody", frozenset(roles))
    assert admitted.expires_at == EXPIRES_AT


def test_a_role_that_has_no_grant_is_refused() -> None:
    with pytest.raises(RoleNotPermitted):
        admit(Rule((OWN,)), Issuer("AGENT", agent_id=3), "Bearer genuine")


def test_a_token_without_roles_is_refused() -> None:
    with pytest.raises(RoleNotPermitted):
        admit(Rule((OWN, ALL)), Issuer(), "Bearer genuine")


def test_a_token_that_does_not_say_whose_things_are_the_callers_is_refused() -> None:
    with pytest.raises(ClaimMissing, match="phone"):
        admit(Rule((OWN,)), Issuer("CUSTOMER", agent_id=3), "Bearer genuine")


@pytest.mark.parametrize(
    "authorization", [(), ("Basic Zm9v",), ("genuine",), (b"Bearer genuine",), ("Bearer genuine", "Bearer genuine")]
)
def test_anything_but_one_bearer_token_is_refused(authorization: tuple[str | bytes, ...]) -> None:
    with pytest.raises(TokenRequired):
        admit(Rule((ALL,)), Issuer("OPERATOR"), *authorization)


def test_a_token_that_is_not_genuine_is_refused_even_from_a_peer_that_may_call() -> None:
    with pytest.raises(NotGenuine):
        admit(Rule((ALL,), frozenset({"review"})), Issuer("OPERATOR"), "Bearer forged", peer="review")


def test_the_name_of_the_scheme_is_in_any_case() -> None:
    assert admit(Rule((ALL,)), Issuer("OPERATOR"), "bEARER genuine").scope == EVERYTHING


def test_a_named_peer_needs_no_token_and_has_no_subject() -> None:
    admitted = admit(Rule((OWN,), frozenset({"review"})), Issuer(), peer="review")
    assert (admitted.caller, admitted.scope) == (Caller(peer="review"), EVERYTHING)


@pytest.mark.parametrize("peer", ["", "gateway", "notification"])
@pytest.mark.parametrize("authorization", [(), ("Bearer genuine",)])
def test_what_is_for_peers_is_for_nobody_else_whatever_their_token(peer: str, authorization: tuple[str, ...]) -> None:
    everything = Issuer("CUSTOMER", "AGENT", "MANAGER", "OPERATOR", "ADMIN", agent_id=3, phone="+1")
    with pytest.raises(PeersOnly):
        admit(Rule(peers=frozenset({"loan"})), everything, *authorization, peer=peer)


def test_a_peer_that_is_not_named_needs_a_token_like_anybody() -> None:
    with pytest.raises(TokenRequired):
        admit(Rule((ALL,), frozenset({"review"})), Issuer("OPERATOR"), peer="gateway")


def test_the_rule_of_a_method_is_read_from_its_contract() -> None:
    rule = rule_of("/los.loan.v1.LoanService/GetLoan")
    assert OWN in rule.grants
    assert BRANCH in rule.grants
    assert ALL in rule.grants
    assert rule.peers == {"review"}


@pytest.mark.parametrize("method", ["/grpc.health.v1.Health/Check", "/los.loan.v1.LoanService/Steal", "/", ""])
def test_what_says_nowhere_who_may_call_it_has_no_rule(method: str) -> None:
    with pytest.raises(NoRule):
        rule_of(method)


def test_services_without_rules_are_found_with_all_their_methods() -> None:
    require_rules(["los.loan.v1.LoanService"])
    with pytest.raises(NoRule, match=r"Health\.Check .*; grpc\.health\.v1\.Health\.") as found:
        require_rules(["los.loan.v1.LoanService", "grpc.health.v1.Health"])
    assert "LoanService" not in str(found.value)


def test_where_no_gate_stands_anybody_has_everything() -> None:
    assert (access.caller(), access.scope()) == (Caller(), EVERYTHING)


def test_a_running_call_knows_its_caller_and_its_scope_until_it_ends() -> None:
    admitted = Admitted(Caller("somebody"), Scope(own={"agent_id": 3}))
    with access.running(admitted):
        assert (access.caller(), access.scope()) == (admitted.caller, admitted.scope)
    assert access.scope() == EVERYTHING


def test_a_method_that_did_not_ask_for_its_limited_scope_is_a_defect() -> None:
    with access.running(Admitted(scope=Scope(own={"agent_id": 3}))):
        with pytest.raises(RuntimeError, match="scope"):
            access.require_asked()
        access.scope()
        access.require_asked()


def test_a_method_with_everything_need_not_ask() -> None:
    with access.running(Admitted()):
        access.require_asked()
