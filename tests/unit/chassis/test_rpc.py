"""Errors as statuses and back, and the paths of what breaks a contract's rules."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from chassis import errors, rpc
from chassis.errors import InvalidArgument, ResourceExhausted, ServiceError, Violation

DOMAIN = "los.loan.v1"

MADE: dict[type[ServiceError], Callable[[], ServiceError]] = {
    errors.ServiceError: lambda: errors.ServiceError("it broke"),
    errors.InvalidArgument: lambda: errors.InvalidArgument([Violation("size", "must be positive")]),
    errors.NotFound: lambda: errors.NotFound("there is none"),
    errors.AlreadyExists: lambda: errors.AlreadyExists("there is one"),
    errors.FailedPrecondition: lambda: errors.FailedPrecondition("not now"),
    errors.Unauthenticated: lambda: errors.Unauthenticated("who are you?"),
    errors.PermissionDenied: lambda: errors.PermissionDenied("not you"),
    errors.Aborted: lambda: errors.Aborted("lost a race"),
    errors.ResourceExhausted: lambda: errors.ResourceExhausted("too much", retry_after_s=7),
    errors.Unavailable: lambda: errors.Unavailable("it is away"),
    errors.DeadlineExceeded: lambda: errors.DeadlineExceeded("too late"),
}


class LoanNotFound(errors.NotFound):
    """What a service derives."""


def details(status: status_pb2.Status, kind: type[Message]) -> list[Any]:
    found = []
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            found.append(detail)
    return found


def test_every_kind_of_failure_is_in_the_table_of_this_test() -> None:
    of_module = inspect.getmembers(errors, lambda value: inspect.isclass(value) and issubclass(value, ServiceError))
    assert {kind for _, kind in of_module} == set(MADE)


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.code)
def test_a_failure_says_its_code_its_sentence_and_its_reason(kind: type[ServiceError]) -> None:
    failure = MADE[kind]()
    status = rpc.status_of(failure, DOMAIN)
    assert (code_pb2.Code.Name(status.code), status.message) == (kind.code, failure.message)
    (cause,) = details(status, error_details_pb2.ErrorInfo)
    assert (cause.reason, cause.domain) == (failure.reason, DOMAIN)


def test_a_derived_failure_says_the_reason_that_its_name_is() -> None:
    status = rpc.status_of(LoanNotFound("there is no such loan"), DOMAIN)
    assert status.code == code_pb2.NOT_FOUND
    assert details(status, error_details_pb2.ErrorInfo)[0].reason == "LOAN_NOT_FOUND"


def test_an_invalid_argument_lists_every_violation() -> None:
    failure = InvalidArgument([Violation("size", "must be positive"), Violation("", "page or page_token, not both")])
    (request,) = details(rpc.status_of(failure, DOMAIN), error_details_pb2.BadRequest)
    assert [(found.field, found.description) for found in request.field_violations] == [
        ("size", "must be positive"),
        ("", "page or page_token, not both"),
    ]


def test_an_exhausted_resource_says_when_to_come_back() -> None:
    status = rpc.status_of(ResourceExhausted("too much", retry_after_s=7), DOMAIN)
    (retry,) = details(status, error_details_pb2.RetryInfo)
    assert retry.retry_delay.seconds == 7


@pytest.mark.parametrize("failure", [KeyError("secret"), ValueError("SELECT secret FROM loans"), RuntimeError()])
def test_an_unforeseen_exception_says_nothing_of_itself(failure: Exception) -> None:
    assert rpc.status_of(failure, DOMAIN) == status_pb2.Status(code=code_pb2.INTERNAL, message=rpc.UNFORESEEN)


@pytest.mark.parametrize("kind", MADE.keys() - {InvalidArgument}, ids=lambda kind: kind.code)
def test_a_failure_comes_back_as_what_it_was(kind: type[ServiceError]) -> None:
    failure = MADE[kind]()
    back = rpc.error_of(rpc.status_of(failure, DOMAIN))
    assert type(back) is kind
    assert (back.message, back.reason, back.passing) == (failure.message, failure.reason, failure.passing)
    assert getattr(back, "retry_after_s", None) == getattr(failure, "retry_after_s", None)


def test_that_a_peer_refused_our_request_as_invalid_is_our_failure_and_not_our_callers() -> None:
    back = rpc.error_of(rpc.status_of(MADE[InvalidArgument](), DOMAIN))
    assert (type(back), str(back)) == (ServiceError, "size: must be positive")


def test_a_derived_failure_comes_back_as_its_kind_with_its_own_reason() -> None:
    back = rpc.error_of(rpc.status_of(LoanNotFound("there is no such loan"), DOMAIN))
    assert (type(back), back and back.reason) == (errors.NotFound, "LOAN_NOT_FOUND")


def test_success_is_no_failure() -> None:
    assert rpc.error_of(status_pb2.Status()) is None


def test_a_call_that_the_other_side_cancelled_may_succeed_later() -> None:
    back = rpc.error_of(status_pb2.Status(code=code_pb2.CANCELLED, message="CANCELLED"))
    assert isinstance(back, errors.Unavailable)


@pytest.mark.parametrize("code", [code_pb2.UNKNOWN, code_pb2.UNIMPLEMENTED, code_pb2.DATA_LOSS, 99])
def test_a_code_that_nobody_here_gives_is_a_failure_that_does_not_pass(code: int) -> None:
    back = rpc.error_of(status_pb2.Status(code=code, message="what?"))
    assert (type(back), back and back.passing) == (ServiceError, False)


def test_a_batch_gets_one_verdict_for_each_item_in_order() -> None:
    verdicts = rpc.verdicts([None, LoanNotFound("none"), KeyError("secret")], DOMAIN)
    assert [verdict.code for verdict in verdicts] == [code_pb2.OK, code_pb2.NOT_FOUND, code_pb2.INTERNAL]


class Remaining:
    def __init__(self, left_s: float | None) -> None:
        self._left_s = left_s

    def time_remaining(self) -> float | None:
        return self._left_s


@pytest.mark.parametrize(("left_s", "expected_s"), [(None, 5.0), (60.0, 5.0), (2.0, 2.0), (-1.0, 0.0)])
def test_what_is_asked_of_others_gets_the_callers_time_and_no_more_than_its_own(
    left_s: float | None, expected_s: float
) -> None:
    assert rpc.remaining_s(Remaining(left_s), 5.0) == expected_s
