"""How streams end that nobody reads, or that last too long."""

import time

import grpc
import pytest
import structlog

from chassis import rpc
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from tests.integration.chassis.desk import WATCH, Desk, calls, refusal
from tests.integration.serving import serving

LARGE = loan_pb2.WatchLoansResponse(event=loan_pb2.LoanEvent(event_id="1", comment="x" * 100_000))


@pytest.fixture
def large_desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An endless stream of large messages, whose reader must read one every 200 ms."""
    monkeypatch.setattr(rpc, "WRITE_MAX_S", 0.2)
    monkeypatch.setattr(rpc, "FAREWELL_MAX_S", 0.2)
    desk = Desk(stream_length=None)
    desk.message = LARGE
    return desk


def test_a_reader_that_stops_reading_does_not_hold_the_stream(large_desk: Desk) -> None:
    with structlog.testing.capture_logs() as lines, serving(large_desk.register) as channel:
        stream = loan_pb2_grpc.LoanServiceStub(channel).WatchLoans(WATCH)
        next(stream)
        assert large_desk.stream_ended.wait(30)
        stream.cancel()
    assert [line["reason"] for line in lines if line["event"] == "rpc refused"] == ["READER_TOO_SLOW"]


def test_a_reader_that_reads_on_too_late_gets_what_was_sent_and_then_the_reason(large_desk: Desk) -> None:
    with serving(large_desk.register) as channel:
        stream = loan_pb2_grpc.LoanServiceStub(channel).WatchLoans(WATCH)
        next(stream)
        assert large_desk.stream_ended.wait(30)
        refused = refusal(lambda: list(stream))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "READER_TOO_SLOW")
    assert refused.message == "the stream was not read in time; resume after the last event"


def test_readers_that_do_not_read_leave_the_server_to_the_others(large_desk: Desk) -> None:
    with serving(large_desk.register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        deaf = [stub.WatchLoans(WATCH) for _ in range(50)]
        for stream in deaf:
            next(stream)
        calls(channel)["plain"](timeout=10)
        calls(channel)["async"](timeout=10)
        for stream in deaf:
            stream.cancel()


def test_a_slow_reader_that_reads_is_served_to_the_end(large_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    large_desk.stream_length = 60  # more than is buffered on the way
    monkeypatch.setattr(rpc, "WRITE_MAX_S", 10)
    with serving(large_desk.register) as channel:
        stream = loan_pb2_grpc.LoanServiceStub(channel).WatchLoans(WATCH)
        given = 0
        for _ in stream:
            given += 1
            time.sleep(0.01)
    assert given == 60


def test_a_stream_ends_at_its_greatest_age_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "STREAM_AGE_MAX_S", 0.3)
    desk = Desk(stream_length=None)
    with serving(desk.register) as channel:
        refused = refusal(calls(channel)["stream"])
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "STREAM_TOO_OLD")
    assert desk.stream_ended.is_set()


def test_a_stream_that_its_reader_leaves_is_closed_at_once() -> None:
    desk = Desk(stream_length=None)
    with serving(desk.register) as channel:
        stream = loan_pb2_grpc.LoanServiceStub(channel).WatchLoans(WATCH)
        next(stream)
        stream.cancel()
        assert desk.stream_ended.wait(30)


def test_a_timeout_within_the_stream_is_a_defect_like_any_other() -> None:
    def work() -> None:
        raise TimeoutError

    with serving(Desk(work).register) as channel:
        refused = refusal(calls(channel)["stream"])
    assert (refused.code, refused.message) == (grpc.StatusCode.INTERNAL, rpc.UNFORESEEN)
