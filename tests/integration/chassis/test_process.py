"""The life of a process: it waits, serves, tells its health, and drains."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy import ports
from deploy.processes import Process, wait_until
from los.loan.v1 import loan_pb2_grpc
from tests.integration.chassis.desk import GET, LOAN_ID, SERVICE
from tests.integration.chassis.program import GRACE_S

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def log_lines(process: Process) -> list[dict[str, Any]]:
    """What a process wrote, without what gRPC's core writes past us."""
    return [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]


class Running:
    """The program, its folder and a channel to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = f"127.0.0.1:{ports.free_port()}"
        self.process = self.make("program.log")
        self.channel = grpc.insecure_channel(self.target, [("grpc.initial_reconnect_backoff_ms", 100)])

    def make(self, log: str) -> Process:
        command = [sys.executable, "-m", "tests.integration.chassis.program", self.target, str(self.folder)]
        return Process(command, self.folder / log)

    def say(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    def unsay(self, name: str) -> None:
        (self.folder / name).unlink()

    def health(self, service: str = "") -> int | None:
        """What it says of its health; None if it does not answer."""
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            return int(health_pb2_grpc.HealthStub(self.channel).Check(request, timeout=5).status)
        except grpc.RpcError:
            return None

    def wait_for_health(self, status: int | None) -> None:
        wait_until(lambda: self.health() == status, f"health {status}", 30)

    def log(self) -> list[dict[str, Any]]:
        return log_lines(self.process)

    def events(self) -> list[str]:
        return [line["event"] for line in self.log()]

    def wait_for_event(self, event: str) -> None:
        wait_until(lambda: event in self.events(), event, 30)

    def exit_code(self, within_s: float = 30) -> int | None:
        wait_until(lambda: self.process.exit_code is not None, "the process to end", within_s)
        return self.process.exit_code


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A program that was not started yet."""
    made = Running(tmp_path)
    yield made
    made.channel.close()
    made.process.kill()


def start(running: Running) -> Running:
    running.process.start()
    running.wait_for_health(SERVING)
    return running


def test_it_serves_and_says_so_of_itself_and_of_each_service(running: Running) -> None:
    start(running)
    assert running.health(SERVICE) == SERVING
    assert loan_pb2_grpc.LoanServiceStub(running.channel).GetLoan(GET).loan.loan_id == LOAN_ID


def test_it_waits_for_what_it_needs_before_its_background_work_begins(running: Running) -> None:
    running.say("unready", "the database is not migrated")
    running.process.start()
    running.wait_for_health(NOT_SERVING)
    running.wait_for_event("not serving")
    assert "background started" not in running.events()
    running.unsay("unready")
    running.wait_for_health(SERVING)
    assert running.health(SERVICE) == SERVING
    assert running.events().count("background started") == 2


def test_it_says_once_what_it_waits_for(running: Running) -> None:
    running.say("unready", "the database is not migrated")
    running.process.start()
    running.wait_for_event("not serving")
    time.sleep(2.5)  # two looks more
    waits = [line["waiting_for"] for line in running.log() if line["event"] == "not serving"]
    assert waits == ["the database is not migrated"]


def test_it_stops_serving_while_something_is_missing_and_starts_its_background_work_once(running: Running) -> None:
    start(running)
    for reason in ("the database is away", "the database is away again"):
        running.say("unready", reason)
        running.wait_for_health(NOT_SERVING)
        running.unsay("unready")
        running.wait_for_health(SERVING)
    assert running.events().count("background started") == 2


def test_a_look_that_fails_in_an_unforeseen_way_is_a_process_that_is_not_ready(running: Running) -> None:
    start(running)
    running.say("defect")
    running.wait_for_health(NOT_SERVING)
    running.unsay("defect")
    running.wait_for_health(SERVING)


def test_a_look_that_hangs_is_a_process_that_is_not_ready_and_that_drains_all_the_same(running: Running) -> None:
    start(running)
    running.say("frozen")
    running.wait_for_health(NOT_SERVING)
    running.process.send(signal.SIGTERM)
    assert running.exit_code(within_s=GRACE_S) == 0
    assert running.events()[-1] == "stopped"


def test_reflection_lists_and_describes_the_services(running: Running) -> None:
    start(running)
    reflected = ProtoReflectionDescriptorDatabase(running.channel)
    assert set(reflected.get_services()) == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    described = DescriptorPool(reflected).FindServiceByName(SERVICE)
    assert "SubmitLoan" in described.methods_by_name
    assert reflected.FindFileContainingSymbol(f"{SERVICE}.SubmitLoan").name == "los/loan/v1/loan.proto"


def test_a_port_in_use_ends_it_with_a_sentence(running: Running) -> None:
    start(running)
    second = running.make("second.log")
    second.start()
    wait_until(lambda: second.exit_code is not None, "the second to end", 30)
    assert second.exit_code == 1
    (line,) = log_lines(second)
    assert (line["event"], line["listen"]) == ("cannot listen: is the port in use?", running.target)


def test_told_to_stop_it_answers_what_is_running_and_ends_with_0(running: Running) -> None:
    start(running)
    running.say("busy")
    answer = loan_pb2_grpc.LoanServiceStub(running.channel).GetLoan.future(GET)
    running.wait_for_event("working")
    running.process.send(signal.SIGTERM)
    running.wait_for_event("draining")
    running.unsay("busy")
    assert answer.result(30).loan.loan_id == LOAN_ID
    assert running.exit_code() == 0
    assert {"background drains", "background stopped", "stopped"} <= set(running.events())


def test_draining_it_says_that_it_does_not_serve(running: Running) -> None:
    start(running)
    watched = health_pb2_grpc.HealthStub(running.channel).Watch(health_pb2.HealthCheckRequest())
    assert next(watched).status == SERVING
    running.say("busy")
    answer = loan_pb2_grpc.LoanServiceStub(running.channel).GetLoan.future(GET)
    running.wait_for_event("working")
    running.process.send(signal.SIGTERM)
    assert next(watched).status == NOT_SERVING
    running.unsay("busy")
    assert answer.result(30).loan.loan_id == LOAN_ID


def test_background_work_that_fails_to_stop_keeps_nothing_from_ending(running: Running) -> None:
    start(running)
    running.process.send(signal.SIGTERM)
    assert running.exit_code() == 0
    assert "ending failed" in running.events()


def test_a_call_that_outlives_the_grace_ends_for_its_caller_and_does_not_keep_the_process(running: Running) -> None:
    start(running)
    running.say("busy")
    answer = loan_pb2_grpc.LoanServiceStub(running.channel).GetLoan.future(GET)
    running.wait_for_event("working")
    running.process.send(signal.SIGTERM)
    with pytest.raises(grpc.RpcError):
        answer.result(30)
    assert running.exit_code(within_s=10) == 0


def test_told_twice_it_ends_at_once(running: Running) -> None:
    start(running)
    running.say("busy")
    answer = loan_pb2_grpc.LoanServiceStub(running.channel).GetLoan.future(GET)
    running.wait_for_event("working")
    running.process.send(signal.SIGTERM)
    running.wait_for_event("draining")
    running.process.send(signal.SIGTERM)
    assert running.exit_code(within_s=GRACE_S / 2) == 1
    with pytest.raises(grpc.RpcError):
        answer.result(30)
