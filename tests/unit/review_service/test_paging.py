"""Page tokens of an agent's queue."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from review_service.domain import Place, Queue, page_token, read_page_token


@given(
    st.builds(Queue, st.integers(1, 2**31 - 1), st.booleans()),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
    st.uuids(),
)
def test_a_token_reads_back_as_the_place_it_was_made_of(queue: Queue, opened_at: datetime, loan_id: UUID) -> None:
    place = Place(opened_at, loan_id)
    assert read_page_token(page_token(queue, place), queue) == place


@pytest.mark.parametrize("other", [Queue(2), Queue(1, with_subtree=True)], ids=["another agent's", "with the subtree"])
def test_a_token_of_another_queue_is_refused(other: Queue) -> None:
    token = page_token(Queue(1), Place(datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1)))
    with pytest.raises(InvalidArgument, match="page_token: does not belong to this listing"):
        read_page_token(token, other)


@pytest.mark.parametrize(
    "token", ["x", "!!!", "é", "A" * 37, "A" * 200, base64.urlsafe_b64encode(b"\0\0\0\1\0" + b"\x7f" * 24).decode()]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="page_token"):
        read_page_token(token, Queue(1))
