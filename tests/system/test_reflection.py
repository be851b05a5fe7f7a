"""A client that has no contract asks the servers for it, as grpcurl does, and calls what it finds."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.system.conftest import RunningSystem

ALWAYS = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
SERVICES = {
    "loan": {"los.loan.v1.LoanService", "los.loan.v1.LoanInternalService"},
    "review": {"los.review.v1.ReviewService", "los.review.v1.ReviewInternalService"},
    "notification": {"los.notification.v1.NotificationService", "los.notification.v1.NotificationInternalService"},
}


@pytest.fixture(params=SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def channel(running_system: RunningSystem, name: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(getattr(running_system, f"{name}_target")) as channel:
        yield channel


def test_every_server_lists_what_it_serves(channel: grpc.Channel, name: str) -> None:
    assert set(ProtoReflectionDescriptorDatabase(channel).get_services()) == SERVICES[name] | ALWAYS


def test_every_server_tells_its_health_in_all_and_by_service(channel: grpc.Channel, name: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICES[name]):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    ("target", "method", "asked"),
    [
        ("loan", "los.loan.v1.LoanService.CountLoansByStatus", {}),
        ("loan", "los.loan.v1.LoanService.ListLoans", {"size": 1, "status": "APPLIED"}),
        ("loan", "los.loan.v1.LoanService.ListReasonCodes", {}),
        ("review", "los.review.v1.ReviewService.GetAgent", {"agent_id": 1}),
        ("notification", "los.notification.v1.NotificationService.ListNotifications", {"size": 1}),
        ("notification", "los.notification.v1.NotificationService.ListNotices", {"overdue": False}),
    ],
)
def test_a_call_works_with_no_file(
    running_system: RunningSystem, target: str, method: str, asked: dict[str, object]
) -> None:
    with grpc.insecure_channel(getattr(running_system, f"{target}_target")) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service, _, rpc = method.rpartition(".")
        described = pool.FindServiceByName(service).methods_by_name[rpc]
        request = json_format.ParseDict(asked, message_factory.GetMessageClass(described.input_type)())
        answer_type = message_factory.GetMessageClass(described.output_type)
        call = channel.unary_unary(
            f"/{service}/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer_type.FromString,
        )
        assert json_format.MessageToDict(call(request, timeout=30), always_print_fields_with_no_presence=True)
