"""Limits and covers from requests."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.servicer import people, terms
from review_service.servicer.terms import CoverWanted, LimitWanted

HOME = loan_pb2.Loan.Type.HOME
FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799
"""The years 1 and 9999, in seconds of the epoch."""

NO_MOMENTS = [
    Timestamp(seconds=FIRST_S - 1),
    Timestamp(seconds=LAST_S + 1),
    Timestamp(seconds=2**63 - 1),
    Timestamp(seconds=-(2**63)),
    Timestamp(seconds=1, nanos=-1),
    Timestamp(seconds=1, nanos=1_000_000_000),
    Timestamp(seconds=LAST_S, nanos=2**31 - 1),
]


def limit_request(**fields: Any) -> review_pb2.SetApprovalLimitRequest:
    return review_pb2.SetApprovalLimitRequest(agent_id=1, **fields)


def cover_request(**fields: Any) -> review_pb2.CreateCoverRequest:
    return review_pb2.CreateCoverRequest(
        **{"agent_id": 1, "substitute_agent_id": 2, "ends_at": Timestamp(seconds=100), **fields}
    )


def refused(call: Any, request: object) -> list[str]:
    with pytest.raises(InvalidArgument) as refusal:
        call(request)
    assert all(violation.description for violation in refusal.value.violations)
    return [violation.field for violation in refusal.value.violations]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, LimitWanted(None, None, None)),
        ({"amount": "50000.5"}, LimitWanted(None, Decimal("50000.50"), None)),
        ({"loan_type": HOME, "amount": "0.01"}, LimitWanted("HOME", Decimal("0.01"), None)),
        (
            {"valid_from": Timestamp(seconds=1_900_000_000, nanos=123_456_789)},
            LimitWanted(None, None, datetime(2030, 3, 17, 17, 46, 40, 123456, tzinfo=UTC)),
        ),
    ],
    ids=["unlimited for all from now on", "an amount", "of a type", "from a time on"],
)
def test_a_limit_is_read(fields: dict[str, Any], wanted: LimitWanted) -> None:
    assert terms.limit_wanted(limit_request(**fields)) == wanted


@pytest.mark.parametrize("stamp", NO_MOMENTS, ids=str)
def test_everything_wrong_with_a_limit_is_said_at_once(stamp: Timestamp) -> None:
    assert refused(terms.limit_wanted, limit_request(amount="0.00", valid_from=stamp)) == ["amount", "valid_from"]


def test_a_cover_is_read_to_the_microsecond() -> None:
    request = cover_request(starts_at=Timestamp(seconds=FIRST_S), ends_at=Timestamp(seconds=LAST_S, nanos=999_999_999))
    assert terms.cover_wanted(request) == CoverWanted(
        2, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    )
    assert terms.cover_wanted(cover_request()).starts_at is None


@pytest.mark.parametrize("stamp", NO_MOMENTS, ids=str)
def test_everything_wrong_with_a_cover_is_said_at_once(stamp: Timestamp) -> None:
    request = cover_request(substitute_agent_id=1, starts_at=stamp, ends_at=stamp)
    assert refused(terms.cover_wanted, request) == ["substitute_agent_id", "starts_at", "ends_at"]


@pytest.mark.parametrize("starts_s", [100, 101, LAST_S])
def test_a_cover_ends_later_than_it_begins(starts_s: int) -> None:
    assert refused(terms.cover_wanted, cover_request(starts_at=Timestamp(seconds=starts_s))) == ["ends_at"]


def test_nobody_takes_over_from_themself() -> None:
    request = review_pb2.DeactivateAgentRequest(agent_id=1, successor_agent_id=1)
    assert refused(people.successor_id, request) == ["successor_agent_id"]
    assert people.successor_id(review_pb2.DeactivateAgentRequest(agent_id=1, successor_agent_id=2)) == 2
    assert people.successor_id(review_pb2.DeactivateAgentRequest(agent_id=1)) is None
