"""The failure vocabulary."""

import pytest

from chassis import errors
from chassis.errors import InvalidArgument, NotFound, ResourceExhausted, ServiceError, Violation


class LoanNotFound(NotFound):
    """A failure that a service named for what happened."""


KINDS = {
    errors.InvalidArgument: ("INVALID_ARGUMENT", False),
    errors.NotFound: ("NOT_FOUND", False),
    errors.AlreadyExists: ("ALREADY_EXISTS", False),
    errors.FailedPrecondition: ("FAILED_PRECONDITION", False),
    errors.Unauthenticated: ("UNAUTHENTICATED", False),
    errors.PermissionDenied: ("PERMISSION_DENIED", False),
    errors.Aborted: ("ABORTED", True),
    errors.ResourceExhausted: ("RESOURCE_EXHAUSTED", True),
    errors.Unavailable: ("UNAVAILABLE", True),
    errors.DeadlineExceeded: ("DEADLINE_EXCEEDED", True),
}


def test_these_kinds_and_no_others_stand_below_the_root() -> None:
    assert {kind for kind in ServiceError.__subclasses__() if kind.__module__ == "chassis.errors"} == set(KINDS)


@pytest.mark.parametrize(("kind", "code", "passing"), [(kind, *told) for kind, told in KINDS.items()])
def test_each_kind_has_its_code_and_knows_whether_it_passes(kind: type[ServiceError], code: str, passing: bool) -> None:
    assert (kind.code, kind.passing) == (code, passing)


def test_what_no_kind_describes_is_internal_and_does_not_pass() -> None:
    assert (ServiceError.code, ServiceError.passing) == ("INTERNAL", False)


def test_the_reason_is_the_name_of_the_class_in_upper_snake() -> None:
    assert LoanNotFound("no such loan").reason == "LOAN_NOT_FOUND"
    assert NotFound("no such thing").reason == "NOT_FOUND"


def test_a_reason_that_another_service_gave_is_kept() -> None:
    assert NotFound("no such agent", reason="AGENT_NOT_FOUND").reason == "AGENT_NOT_FOUND"


def test_a_derived_failure_keeps_the_kind_it_was_derived_from() -> None:
    assert (LoanNotFound.code, LoanNotFound.passing) == ("NOT_FOUND", False)


def test_the_text_is_the_message() -> None:
    error = LoanNotFound("no such loan")
    assert str(error) == error.message == "no such loan"


def test_an_invalid_argument_lists_every_violation_with_its_field() -> None:
    violations = [Violation("size", "must be at most 100"), Violation("", "must not be empty")]
    error = InvalidArgument(violations)
    assert error.violations == tuple(violations)
    assert error.message == "size: must be at most 100; must not be empty"


def test_an_invalid_argument_without_violations_still_says_something() -> None:
    assert InvalidArgument([]).message == "the request is invalid"


def test_an_exhausted_resource_says_when_to_come_back() -> None:
    assert ResourceExhausted("too much").retry_after_s == 1
    assert ResourceExhausted("too much", retry_after_s=30).retry_after_s == 30


def test_only_failures_of_the_vocabulary_can_pass() -> None:
    assert errors.is_passing(errors.Unavailable("away"))
    assert not errors.is_passing(LoanNotFound("no such loan"))
    assert not errors.is_passing(TimeoutError())
    assert not errors.is_passing(KeyboardInterrupt())
