"""The process: it serves, delivers, tells its health, and drains."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy import ports, probe
from deploy.processes import Process, wait_until
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from notification_service import bootstrap
from tests.integration.notification_service.post import Post, message, wait_for

Runs = Callable[..., Process]
REQUEST = notification_pb2.SendNotificationRequest(
    messages=[
        notification_pb2.SendNotificationRequest.Message(
            dedupe_key="sms:1",
            loan_id="01a212fa-6540-7431-8040-7b84c917e469",
            channel=notification_pb2.Notification.SMS,
            recipient="+14155550123",
            template="LOAN_APPROVED",
            values={"customer_name": "Ada", "loan_amount": "5000.50", "currency_code": "USD"},
        )
    ]
)


@pytest.fixture
def target() -> str:
    return f"127.0.0.1:{ports.free_port()}"


@pytest.fixture
def notification_process(database_settings: dict[str, str], post: Post, target: str, tmp_path: Path) -> Iterator[Runs]:
    """Starts `python -m notification_service` with words; none outlives the test."""
    assert post.states() == {}
    started: list[Process] = []
    environment = {**os.environ, **database_settings, "NOTIFICATION_LISTEN": target}

    def start(*words: str) -> Process:
        command = [sys.executable, "-m", "notification_service", *words]
        process = Process(command, tmp_path / f"{len(started)}.log", environment=environment)
        started.append(process)
        process.start()
        wait_until(lambda: probe.serves(target), "the process to serve", 30, [process])
        return process

    yield start
    for process in started:
        process.kill()


def stop(process: Process) -> str:
    """Stop a process in good order; answer what it logged."""
    process.ask_to_stop()
    assert process.wait(grace_s=30) == 0
    said = process.log.read_text()
    assert "draining" in said
    assert "Traceback" not in said
    return said


def test_the_process_accepts_delivers_and_drains(notification_process: Runs, post: Post, target: str) -> None:
    process = notification_process()
    with grpc.insecure_channel(target) as channel:
        internal = notification_pb2_grpc.NotificationInternalServiceStub(channel)
        for _ in range(2):  # the sender did not hear the first answer
            (verdict,) = internal.SendNotification(REQUEST, timeout=10).verdicts
            assert verdict.code == 0
        wait_for(post, SENT=1)
        service = notification_pb2_grpc.NotificationServiceStub(channel)
        (listed,) = service.ListNotifications(notification_pb2.ListNotificationsRequest(), timeout=10).notifications
    assert (listed.state, len(listed.attempts)) == (notification_pb2.Notification.SENT, 1)
    (line,) = [line for line in stop(process).splitlines() if "sms sent" in line]
    assert "dedupe_key=sms:1" in line
    assert "recipient=+1******0123" in line


def test_the_process_describes_itself_and_its_health(notification_process: Runs, target: str) -> None:
    process = notification_process()
    with grpc.insecure_channel(target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *bootstrap.SERVICES):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert set(bootstrap.SERVICES) <= set(reflected.get_services())
        described = DescriptorPool(reflected).FindServiceByName(bootstrap.SERVICES[0])
        assert [method.name for method in described.methods] == [
            method.name for method in notification_pb2.DESCRIPTOR.services_by_name["NotificationService"].methods
        ]
    stop(process)


def test_work_alone_delivers_and_serves_nothing_but_its_health(
    notification_process: Runs, post: Post, target: str
) -> None:
    post.send(message())
    process = notification_process("work")
    wait_for(post, SENT=1)
    with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as refused:
        notification_pb2_grpc.NotificationInternalServiceStub(channel).SendNotification(REQUEST, timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    stop(process)


def test_serve_alone_leaves_the_delivery_to_others(notification_process: Runs, post: Post, target: str) -> None:
    process = notification_process("serve")
    with grpc.insecure_channel(target) as channel:
        notification_pb2_grpc.NotificationInternalServiceStub(channel).SendNotification(REQUEST, timeout=10)
    assert "sms sent" not in stop(process)
    assert post.states() == {"PENDING": 1}
