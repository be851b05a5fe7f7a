"""What a process counts and measures, as it is served over HTTP."""

import socket
from collections.abc import Callable, Iterator
from functools import partial

import grpc
import httpx
import pytest

from chassis import metrics
from chassis.errors import NotFound, Unavailable
from chassis.pool import Task
from chassis.server import gate
from deploy.processes import wait_until
from los.loan.v1 import loan_pb2
from tests.integration.chassis.bakery import Bakery, Gate, enqueue
from tests.integration.chassis.desk import SERVICE, SHAPES, Desk, calls, refusal
from tests.integration.chassis.workshop import KIND, Workshop
from tests.integration.serving import serving
from tests.scraping import Growth, Stand

METHODS = {"plain": "GetLoan", "async": "SubmitLoan", "stream": "WatchLoans"}


@pytest.fixture
def stand() -> Iterator[Stand]:
    stand = Stand()
    yield stand
    stand.close()


@pytest.fixture
def bakery(workshop: Workshop) -> Iterator[Bakery]:
    bakery = Bakery(workshop)
    yield bakery
    bakery.close()


# -- serving


def test_nothing_is_served_without_an_address() -> None:
    assert metrics.serve("") is None


def test_an_address_that_is_taken_ends_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        metrics.serve(f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.value.code == 1


def test_the_process_tells_its_memory_and_its_open_files(stand: Stand) -> None:
    served = stand.scrape()
    assert served.value("process_resident_memory_bytes") > 1_000_000
    assert served.value("process_open_fds") > 3


@pytest.mark.parametrize(("path", "status"), [("/metrics?name=x", 200), ("/", 404), ("/metrics/x", 404)])
def test_metrics_are_at_one_path(stand: Stand, path: str, status: int) -> None:
    assert httpx.get(f"http://127.0.0.1:{stand.port}{path}").status_code == status


def test_a_client_that_says_nothing_does_not_keep_others_waiting(stand: Stand) -> None:
    with socket.create_connection(("127.0.0.1", stand.port)):
        stand.scrape()


def test_metrics_are_served_on_ipv6_too() -> None:
    server = metrics.serve("[::1]:0")
    assert server is not None
    try:
        assert httpx.get(f"http://[::1]:{server.server_address[1]}/metrics").status_code == 200
    finally:
        server.shutdown()
        server.server_close()


def test_names_have_the_form_that_prometheus_wants(stand: Stand) -> None:
    for family in stand.scrape().families:
        assert family.documentation, family.name
        assert family.type in {"counter", "gauge", "histogram"}, family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name


# -- calls


def growth_by_calls(stand: Stand, desk: Desk, work: Callable[[grpc.Channel], object]) -> Growth:
    """By how much samples grow by calls; looked at when the server has ended, so that each was counted."""
    grown = Growth(stand.scrape)
    with serving(desk.register) as channel:
        work(channel)
    return grown


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_are_counted_and_timed_by_method(stand: Stand, shape: str) -> None:
    labels = {"grpc_service": SERVICE, "grpc_method": METHODS[shape]}
    grown = growth_by_calls(stand, Desk(), lambda channel: [calls(channel)[shape]() for _ in range(3)])
    assert grown("grpc_server_handled_total", **labels, grpc_code="OK") == 3
    assert grown("grpc_server_handling_seconds_count", **labels) == 3
    assert grown("grpc_server_handling_seconds_sum", **labels) > 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("error", "code"), [(NotFound("no"), "NOT_FOUND"), (Unavailable("no"), "UNAVAILABLE"), (KeyError(), "INTERNAL")]
)
def test_failures_are_counted_by_their_code(stand: Stand, shape: str, error: Exception, code: str) -> None:
    def fail() -> None:
        raise error

    labels = {"grpc_service": SERVICE, "grpc_method": METHODS[shape]}
    grown = growth_by_calls(stand, Desk(fail), lambda channel: refusal(calls(channel)[shape]))
    assert grown("grpc_server_handled_total", **labels, grpc_code=code) == 1
    assert grown("grpc_server_handled_total", **labels, grpc_code="OK") == 0


def test_a_thread_forgets_how_its_last_call_ended(stand: Stand) -> None:
    def work(channel: grpc.Channel) -> None:
        for _ in range(20):  # more than there are threads
            refusal(partial(calls(channel)["plain"], loan_pb2.GetLoanRequest(loan_id="no id")))
        for _ in range(20):
            calls(channel)["plain"]()

    labels = {"grpc_service": SERVICE, "grpc_method": "GetLoan"}
    grown = growth_by_calls(stand, Desk(), work)
    assert grown("grpc_server_handled_total", **labels, grpc_code="OK") == 20
    assert grown("grpc_server_handled_total", **labels, grpc_code="INVALID_ARGUMENT") == 20


def test_a_stream_that_its_reader_leaves_is_counted_as_cancelled(stand: Stand) -> None:
    labels = {"grpc_service": SERVICE, "grpc_method": "WatchLoans", "grpc_code": "CANCELLED"}
    before = stand.scrape().value("grpc_server_handled_total", **labels)
    with serving(Desk(stream_length=None).register) as channel:
        stream = channel.unary_stream(
            f"/{SERVICE}/WatchLoans",
            loan_pb2.WatchLoansRequest.SerializeToString,
            loan_pb2.WatchLoansResponse.FromString,
        )(loan_pb2.WatchLoansRequest())
        next(iter(stream))
        stream.cancel()  # type: ignore[no-untyped-call]  # the stubs do not say
        wait_until(
            lambda: stand.scrape().value("grpc_server_handled_total", **labels) == before + 1,
            "the call to be counted",
            30,
        )


def test_calls_that_are_refused_before_they_reach_a_method_are_counted(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WAITING_PER_THREAD", -2)
    grown = growth_by_calls(stand, Desk(), lambda channel: refusal(calls(channel)["plain"]))
    labels = {"grpc_service": SERVICE, "grpc_method": "GetLoan"}
    assert grown("grpc_server_handled_total", **labels, grpc_code="RESOURCE_EXHAUSTED") == 1


def test_bytes_that_are_no_message_are_counted(stand: Stand) -> None:
    def work(channel: grpc.Channel) -> None:
        call = channel.unary_unary(f"/{SERVICE}/GetLoan", bytes, bytes)
        assert refusal(lambda: call(b"\xff\xff")).code is grpc.StatusCode.INVALID_ARGUMENT

    grown = growth_by_calls(stand, Desk(), work)
    labels = {"grpc_service": SERVICE, "grpc_method": "GetLoan"}
    assert grown("grpc_server_handled_total", **labels, grpc_code="INVALID_ARGUMENT") == 1


def test_methods_that_callers_make_up_are_not_named(stand: Stand) -> None:
    with serving(Desk().register) as channel:
        call = channel.unary_unary(f"/{SERVICE}/MadeUp", bytes, bytes)
        assert refusal(lambda: call(b"")).code is grpc.StatusCode.UNIMPLEMENTED
    assert "MadeUp" not in stand.scrape().by("grpc_server_handled_total", "grpc_method")


# -- jobs


def test_jobs_are_counted_by_what_became_of_them(stand: Stand, bakery: Bakery) -> None:
    bakery.oven.trouble = {"burnt": ValueError("burnt"), "late": Unavailable("no gas")}

    grown = Growth(stand.scrape)
    enqueue(bakery.workshop, "good", "burnt")
    bakery.open({KIND: bakery.handler(attempts_max=2)})
    bakery.wait_until_baked("good")
    bakery.wait_until_parked("burnt")
    bakery.workshop.put("late")
    wait_until(lambda: bakery.oven.count("late") >= 2, "a passing failure to be tried again", 60)
    bakery.oven.trouble = {}
    bakery.wait_until_baked("late")
    bakery.close()  # what is settled is counted then
    assert grown("jobs_ended_total", kind=KIND, outcome="done") == 2
    assert grown("jobs_ended_total", kind=KIND, outcome="failed") == 1
    assert grown("jobs_ended_total", kind=KIND, outcome="parked") == 1
    assert grown("jobs_ended_total", kind=KIND, outcome="given_up") == 0
    assert grown("jobs_ended_total", kind=KIND, outcome="passing") == bakery.oven.count("late") - 1


def test_jobs_that_are_not_kept_are_counted_as_given_up(stand: Stand, bakery: Bakery) -> None:
    bakery.oven.trouble = {"burnt": ValueError("burnt")}

    grown = Growth(stand.scrape)
    enqueue(bakery.workshop, "burnt")
    bakery.open({KIND: bakery.handler(attempts_max=1, parks=False)})
    wait_until(lambda: not bakery.workshop.keys(), "the job to be given up", 60)
    bakery.close()
    assert grown("jobs_ended_total", kind=KIND, outcome="given_up") == 1
    assert grown("jobs_ended_total", kind=KIND, outcome="parked") == 0


def test_a_pool_tells_how_many_of_its_threads_are_busy(stand: Stand, bakery: Bakery) -> None:
    gate = Gate()

    def perform(tasks: list[Task]) -> list[None]:
        gate()
        return [None] * len(tasks)

    enqueue(bakery.workshop, "a", "b")
    bakery.open({KIND: bakery.handler(perform=perform)}, name="busy pool", size=4)
    try:
        wait_until(lambda: stand.scrape().value("pool_threads_busy", pool="busy pool") == 2, "two to be busy", 60)
        assert stand.scrape().value("pool_threads", pool="busy pool") == 4
    finally:
        gate.open()
    bakery.wait_until_empty()
    wait_until(lambda: stand.scrape().value("pool_threads_busy", pool="busy pool") == 0, "none to be busy", 60)


def test_a_pool_counts_the_threads_that_hang(stand: Stand, bakery: Bakery) -> None:
    gate = Gate()
    bakery.oven.trouble = {"stuck": gate}
    enqueue(bakery.workshop, "stuck")
    bakery.open(name="hanging pool", lease_s=0.6, run_limit_s=0.2)
    try:
        wait_until(
            lambda: stand.scrape().value("pool_threads_hung_total", pool="hanging pool") == 1,
            "a thread to be given up",
            60,
        )
    finally:
        gate.open()


def test_what_has_not_happened_yet_is_0_and_not_missing(stand: Stand, bakery: Bakery) -> None:
    bakery.open({"never done": bakery.handler()})
    ended = [
        sample.labels["outcome"]
        for family in stand.scrape().families
        for sample in family.samples
        if sample.name == "jobs_ended_total" and sample.labels["kind"] == "never done"
    ]
    assert sorted(ended) == ["done", "failed", "given_up", "parked", "passing"]
