"""What a caller of a real server gets, and what the log says of it."""

import threading
from collections.abc import Iterator, MutableMapping
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import pytest
import structlog

from chassis import errors, logs, rpc
from chassis.errors import InvalidArgument, NotFound, ResourceExhausted, Unavailable, Violation
from chassis.logs import log
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from tests.integration.chassis.desk import (
    GET,
    LOAN_ID,
    SERVICE,
    SHAPES,
    SUBMIT,
    WATCH,
    Desk,
    calls,
    refusal,
)
from tests.integration.serving import serving

METHODS = {"plain": "GetLoan", "async": "SubmitLoan", "stream": "WatchLoans"}

each_shape = pytest.mark.parametrize("shape", SHAPES)


class LoanNotFound(NotFound):
    """What a service derives."""


def raising(error: Exception) -> Desk:
    def work() -> None:
        raise error

    return Desk(work)


@pytest.fixture
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is written to the log, with what is bound."""
    with structlog.testing.capture_logs([logs.add_bound]) as written:
        yield written


@each_shape
def test_a_call_that_succeeds_is_answered(shape: str) -> None:
    with serving(Desk().register) as channel:
        calls(channel)[shape]()


def test_each_shape_gives_its_own_answer() -> None:
    with serving(Desk(stream_length=3).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        assert stub.GetLoan(GET).loan.loan_id == LOAN_ID
        assert stub.SubmitLoan(SUBMIT).loan.customer_name == "Ada Lovelace"
        assert [message.event.event_id for message in stub.WatchLoans(WATCH)] == ["1", "1", "1"]


@each_shape
def test_a_refused_call_gets_the_code_the_sentence_and_the_reason(shape: str) -> None:
    with serving(raising(LoanNotFound("there is no such loan")).register) as channel:
        refused = refusal(calls(channel)[shape])
    assert (refused.code, refused.message) == (grpc.StatusCode.NOT_FOUND, "there is no such loan")
    assert (refused.reason, refused.domain) == ("LOAN_NOT_FOUND", "los.loan.v1")


@each_shape
def test_an_unforeseen_exception_says_a_fixed_sentence_and_nothing_of_itself(shape: str) -> None:
    with serving(raising(KeyError("secret")).register) as channel:
        refused = refusal(calls(channel)[shape])
    assert (refused.code, refused.message) == (grpc.StatusCode.INTERNAL, rpc.UNFORESEEN)
    assert "secret" not in str(refused.trailers)


@each_shape
def test_who_is_refused_for_too_much_is_told_when_to_come_back(shape: str) -> None:
    with serving(raising(ResourceExhausted("too much", retry_after_s=7)).register) as channel:
        refused = refusal(calls(channel)[shape])
    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.trailers["retry-after"] == "7"


@each_shape
def test_every_violation_comes_with_its_field(shape: str) -> None:
    invalid = {
        "plain": (loan_pb2.GetLoanRequest(loan_id="x"), ["loan_id"]),
        "async": (loan_pb2.SubmitLoanRequest(loan_amount="10", customer_phone="+14155550100"), ["customer_name"]),
        "stream": (loan_pb2.WatchLoansRequest(after_event_id="x"), ["after_event_id"]),
    }
    request, fields = invalid[shape]
    with serving(Desk().register) as channel:
        refused = refusal(lambda: calls(channel)[shape](request))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(fields) <= set(refused.violations)


@each_shape
def test_bytes_that_are_no_message_are_an_invalid_argument(shape: str) -> None:
    with serving(Desk().register) as channel:
        path = f"/{SERVICE}/{METHODS[shape]}"
        call: Any = (channel.unary_stream if shape == "stream" else channel.unary_unary)(path, bytes, bytes)
        refused = refusal(lambda: list(call(b"\xff\xff\xff")))
    assert (refused.code, refused.violations) == (grpc.StatusCode.INVALID_ARGUMENT, [""])
    assert (refused.reason, refused.domain) == ("INVALID_ARGUMENT", "los.loan.v1")


@each_shape
def test_the_callers_request_id_is_on_every_line_the_call_writes(
    shape: str, lines: list[MutableMapping[str, Any]]
) -> None:
    with serving(raising(Unavailable("it is away")).register) as channel:
        refusal(lambda: calls(channel)[shape](metadata=((rpc.REQUEST_ID, f"asked-{shape}"),)))
    assert [line["event"] for line in lines][1:] == ["rpc refused"]
    assert {line["request_id"] for line in lines} == {f"asked-{shape}"}
    assert lines[1]["reason"] == "UNAVAILABLE"


def test_a_call_without_a_request_id_gets_one_of_its_own(lines: list[MutableMapping[str, Any]]) -> None:
    with serving(Desk().register) as channel:
        calls(channel)["plain"]()
        calls(channel)["plain"]()
    first, second = (line["request_id"] for line in lines)
    assert len(first) == 32
    assert first != second


def test_calls_at_the_same_time_keep_their_request_ids_apart(lines: list[MutableMapping[str, Any]]) -> None:
    together = threading.Barrier(4, timeout=30)

    def work() -> None:
        together.wait()
        log.info("working")

    with serving(Desk(work).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        ids = {uuid4().hex for _ in range(4)}
        started = [stub.GetLoan.future(GET, metadata=((rpc.REQUEST_ID, name),)) for name in ids]
        for call in started:
            call.result()
    assert sorted(line["request_id"] for line in lines if line["event"] == "working") == sorted(ids)


def test_a_defect_is_logged_with_its_traceback(lines: list[MutableMapping[str, Any]]) -> None:
    with serving(raising(KeyError("the cause")).register) as channel:
        refusal(calls(channel)["plain"])
    line = lines[-1]
    assert (line["event"], line["log_level"], line["method"]) == ("rpc failed", "error", "GetLoan")
    assert isinstance(line["exc_info"], KeyError)


# -- the client's side


def test_a_call_raises_the_failure_that_the_other_side_answered() -> None:
    with serving(raising(LoanNotFound("there is no such loan")).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        with pytest.raises(NotFound) as raised:
            rpc.call(stub.GetLoan, GET, timeout_s=10)
    assert (raised.value.message, raised.value.reason) == ("there is no such loan", "LOAN_NOT_FOUND")


def test_a_call_hands_its_request_id_on(lines: list[MutableMapping[str, Any]]) -> None:
    with serving(Desk().register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        rpc.call(stub.GetLoan, GET, timeout_s=10, caller_request_id="handed-on")
    assert lines[0]["request_id"] == "handed-on"


@each_shape
def test_a_status_with_thousands_of_violations_fits_into_what_travels(shape: str) -> None:
    violations = [
        Violation(f"loans[{number}].customer_name", "must be short: \u00fc" + "x" * 50) for number in range(3000)
    ]
    with serving(
        raising(InvalidArgument([Violation("\u00fc" * 900, "\u00fc" * 900), *violations])).register
    ) as channel:
        refused = refusal(calls(channel)[shape])
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.violations[1:3] == ["loans[0].customer_name", "loans[1].customer_name"]
    assert refused.descriptions[-1] == f"and {3001 - len(refused.violations) + 1} more"


def test_what_grpc_says_of_addresses_stays_in_the_log(lines: list[MutableMapping[str, Any]]) -> None:
    with rpc.channel("127.0.0.1:1") as channel, pytest.raises(Unavailable) as raised:
        rpc.call(loan_pb2_grpc.LoanServiceStub(channel).GetLoan, GET, timeout_s=5)
    assert raised.value.message == "a service that is needed cannot be reached"
    assert "127.0.0.1:1" in lines[-1]["error"]


def test_details_that_contradict_the_code_do_not_hide_the_failure() -> None:
    class Contradicting(loan_pb2_grpc.LoanServiceServicer):
        def GetLoan(self, request: loan_pb2.GetLoanRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002 -- the contract's
            details = rpc.status_of(NotFound("there is none"), "los.loan.v1").SerializeToString()
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    def register(server: grpc.aio.Server) -> None:
        loan_pb2_grpc.add_LoanServiceServicer_to_server(Contradicting(), server)

    with serving(register) as channel, pytest.raises(Unavailable):
        rpc.call(loan_pb2_grpc.LoanServiceStub(channel).GetLoan, GET, timeout_s=10)


def test_a_call_that_is_not_answered_in_time_has_an_unknown_end() -> None:
    leave = threading.Event()
    with serving(Desk(lambda: leave.wait(30)).register) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        with pytest.raises(errors.DeadlineExceeded):
            rpc.call(stub.GetLoan, GET, timeout_s=0.1)
        leave.set()


def test_that_the_other_side_found_our_request_invalid_is_no_fault_of_our_caller() -> None:
    error = InvalidArgument([Violation("loan_id", "must be a UUID")])
    with serving(raising(error).register) as channel, pytest.raises(errors.ServiceError) as raised:
        rpc.call(loan_pb2_grpc.LoanServiceStub(channel).GetLoan, GET, timeout_s=10)
    assert (type(raised.value), raised.value.passing) == (errors.ServiceError, False)
