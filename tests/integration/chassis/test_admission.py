"""The gate of a system that is not open: who is not let in reaches no servicer, and learns nothing."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import grpc
import grpc.aio
import pytest
from google.longrunning import operations_proto_pb2  # type: ignore[import-untyped]  # it ships none
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis import access, rpc
from chassis.access import Caller, Scope
from chassis.access.admission import Admission
from chassis.access.rules import NoRule
from chassis.access.tokens import Claims
from chassis.errors import Unauthenticated
from chassis.server.guarded import Guarded
from tests.integration.chassis.desk import SHAPES, Desk, calls, refusal
from tests.integration.serving import serving

PHONE = "+14155550123"


class Issuer:
    """A token is the role of who has it."""

    def __init__(self) -> None:
        self.expires_at = time.time() + 3_600

    def verify(self, token: str) -> Claims:
        if token == "forged":
            raise Unauthenticated("the token is not valid")
        return Claims(f"the {token}", frozenset({token.upper()}), {"phone": PHONE, "agent_id": 3}, self.expires_at)


def bearing(token: str) -> dict[str, tuple[tuple[str, str], ...]]:
    return {"metadata": (("authorization", f"Bearer {token}"),)}


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def peers() -> list[str]:
    """The names in the certificates of the callers to come."""
    return [""]


@pytest.fixture
def channel(desk: Desk, issuer: Issuer, peers: list[str]) -> Iterator[grpc.Channel]:
    def register(server: grpc.aio.Server) -> None:
        desk.register(server)
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)  # type: ignore[attr-defined]  # the stubs do not know it

    with ExitStack() as stack:
        yield stack.enter_context(serving(register, Admission(issuer, lambda _: peers[-1])))


@pytest.fixture
def worked(desk: Desk) -> list[tuple[Caller, Scope]]:
    """Who reached the servicer, with which scope."""
    found: list[tuple[Caller, Scope]] = []
    desk.work = lambda: found.append((access.caller(), access.scope()))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_without_a_token_is_told_which_scheme_is_wanted_and_reaches_nothing(
    channel: grpc.Channel, worked: list[object], shape: str
) -> None:
    refused = refusal(calls(channel)[shape])
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_REQUIRED")
    assert refused.domain == "los.loan.v1"
    assert refused.trailers["www-authenticate"] == "Bearer"
    assert worked == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_forged_token_reaches_nothing(channel: grpc.Channel, worked: list[object], shape: str) -> None:
    refused = refusal(lambda: calls(channel)[shape](**bearing("forged")))
    assert (refused.code, refused.message) == (grpc.StatusCode.UNAUTHENTICATED, "the token is not valid")
    assert worked == []


@pytest.mark.parametrize(("shape", "role"), [("plain", "nobody"), ("async", "agent"), ("stream", "customer")])
def test_a_role_that_may_not_reaches_nothing(
    channel: grpc.Channel, worked: list[object], shape: str, role: str
) -> None:
    refused = refusal(lambda: calls(channel)[shape](**bearing(role)))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_PERMITTED")
    assert worked == []


def test_who_may_not_call_is_told_so_before_what_they_sent_is_read(channel: grpc.Channel) -> None:
    call = channel.unary_unary(
        "/los.loan.v1.LoanService/GetLoan", request_serializer=lambda raw: raw, response_deserializer=bytes
    )
    assert refusal(lambda: call(b"\xff\xff")).code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("shape", ["plain", "async"])
def test_a_method_knows_its_caller_and_their_scope(
    channel: grpc.Channel, worked: list[tuple[Caller, Scope]], shape: str
) -> None:
    calls(channel)[shape](**bearing("customer"))
    assert worked == [(Caller("the customer", frozenset({"CUSTOMER"})), Scope(own={"phone": PHONE}))]


def test_a_stream_knows_its_caller(channel: grpc.Channel, worked: list[tuple[Caller, Scope]]) -> None:
    calls(channel)["stream"](**bearing("operator"))
    assert [caller.subject for caller, _ in worked] == ["the operator"]


def test_one_call_on_a_thread_leaves_nothing_to_the_next(
    channel: grpc.Channel, worked: list[tuple[Caller, Scope]]
) -> None:
    for _ in range(20):
        for role in ("customer", "agent", "operator"):
            calls(channel)["plain"](**bearing(role))
    assert [caller.subject for caller, _ in worked] == ["the customer", "the agent", "the operator"] * 20


@pytest.mark.parametrize("shape", ["plain", "async"])
def test_a_method_that_ignores_its_limited_scope_answers_nothing(channel: grpc.Channel, shape: str) -> None:
    refused = refusal(lambda: calls(channel)[shape](**bearing("customer")))
    assert (refused.code, refused.message) == (grpc.StatusCode.INTERNAL, rpc.UNFORESEEN)


def test_a_peer_calls_what_is_for_it_and_nothing_else(
    channel: grpc.Channel, worked: list[tuple[Caller, Scope]], peers: list[str]
) -> None:
    peers.append("review")
    calls(channel)["plain"]()
    assert [caller for caller, _ in worked] == [Caller(peer="review")]
    assert refusal(calls(channel)["async"]).code is grpc.StatusCode.UNAUTHENTICATED


def test_health_is_told_to_everybody(channel: grpc.Channel) -> None:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_stream_ends_with_the_token_it_was_asked_for_with(channel: grpc.Channel, desk: Desk, issuer: Issuer) -> None:
    desk.stream_length = None
    issuer.expires_at = time.time() + 0.2
    refused = refusal(lambda: calls(channel)["stream"](**bearing("operator")))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    assert desk.stream_ended.wait(60)


def test_a_service_whose_methods_do_not_say_who_may_call_them_cannot_be_served() -> None:
    service = operations_proto_pb2.DESCRIPTOR.services_by_name["Operations"].full_name
    with (
        pytest.raises(NoRule, match=r"Operations\.ListOperations does not say"),
        serving(lambda server: Guarded.add_registered_method_handlers(cast("Guarded", server), service, {})),
    ):
        pass


def test_a_method_that_no_contract_knows_is_not_served(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/los.loan.v1.LoanService/Steal", request_serializer=bytes, response_deserializer=bytes)
    metadata = (("authorization", "Bearer admin"),)
    assert refusal(lambda: call(b"", metadata=metadata)).code is grpc.StatusCode.UNIMPLEMENTED
