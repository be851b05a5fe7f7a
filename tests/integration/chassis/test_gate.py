"""What is refused before it reaches a servicer."""

import threading
from collections.abc import Iterator

import grpc
import grpc.aio
import pytest
from google.protobuf import empty_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis.server import gate
from deploy.processes import wait_until
from los.loan.v1 import loan_pb2_grpc
from tests.integration.chassis.desk import GET, SERVICE, Desk, calls, refusal
from tests.integration.serving import serving

THREADS = 8  # of `serving`


class Counter:
    """Work that takes until everybody may go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Event()
        self._count = threading.Lock()

    def work(self) -> None:
        with self._count:
            self.begun += 1
        assert self.go.wait(60)


@pytest.fixture
def counter() -> Iterator[Counter]:
    made = Counter()
    yield made
    made.go.set()


def register(desk: Desk, server: grpc.aio.Server) -> None:
    desk.register(server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)  # type: ignore[attr-defined]  # the stubs do not know it


def test_more_plain_calls_than_may_wait_are_refused_at_once_and_all_others_are_answered(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAITING_PER_THREAD", 1)
    with serving(Desk(counter.work).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        accepted = [stub.GetLoan.future(GET) for _ in range(THREADS + THREADS // 2)]  # a read may have half the line
        wait_until(lambda: counter.begun == THREADS, "the threads to be busy", 30)
        refused = refusal(lambda: wait_for_refusal(stub))
        counter.go.set()
        for call in accepted:
            call.result(30)
        calls(channel)["plain"]()
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
    assert refused.domain == "los.loan.v1"
    assert refused.trailers["retry-after"] == "1"


def test_a_call_that_has_waited_too_long_for_a_thread_is_refused_before_it_begins(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Desk(counter.work).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        begun = [stub.GetLoan.future(GET) for _ in range(THREADS)]
        wait_until(lambda: counter.begun == THREADS, "the threads to be busy", 30)
        late = [stub.GetLoan.future(GET) for _ in range(THREADS)]
        monkeypatch.setattr(gate, "WAIT_MAX_S", 0.0)
        counter.go.set()
        for call in begun:
            call.result(30)
        refusals = [refusal(lambda call=call: call.result(30)) for call in late]  # type: ignore[misc]  # bound now
    assert {(refused.code, refused.reason) for refused in refusals} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
    }
    assert {refused.trailers["retry-after"] for refused in refusals} == {"1"}
    assert counter.begun == THREADS


def wait_for_refusal(stub: loan_pb2_grpc.LoanServiceStub) -> None:
    """Call until a call is refused: those before it may still be on their way into the line."""
    for _ in range(100):
        try:
            stub.GetLoan(GET, timeout=0.1)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise


def test_health_and_calls_that_need_no_thread_are_answered_while_all_threads_are_taken(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAITING_PER_THREAD", 0)
    desk = Desk(counter.work)
    with serving(lambda server: register(desk, server)) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        busy = [stub.GetLoan.future(GET) for _ in range(THREADS)]
        wait_until(lambda: counter.begun == THREADS, "the threads to be busy", 30)
        checked = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert checked.status == health_pb2.HealthCheckResponse.SERVING
        desk.work = lambda: None
        calls(channel)["async"](timeout=10)
        calls(channel)["stream"](timeout=10)
        counter.go.set()
        for call in busy:
            call.result(30)


def test_a_method_that_does_not_exist_is_unimplemented() -> None:
    with serving(Desk().register) as channel:
        call = channel.unary_unary(f"/{SERVICE}/Nothing", empty_pb2.Empty.SerializeToString, empty_pb2.Empty.FromString)
        assert refusal(lambda: call(empty_pb2.Empty())).code is grpc.StatusCode.UNIMPLEMENTED
