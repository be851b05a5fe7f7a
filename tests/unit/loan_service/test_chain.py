"""The chain of a history: its form never changes by accident, and no two events look the same in it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.personal import Name, Personal, Phone
from loan_service.domain import Application, Authority, Event, EventKind, LoanType, Right, Status, chain

LOAN_ID = UUID("01a22398-b74c-77ce-a2a0-4cf71fda6930")
SALT = bytes(range(16))
NOW = datetime(2026, 11, 28, 12, 34, 56, 789_012, tzinfo=UTC)
APPLICATION = Application(
    LOAN_ID,
    Name("Ada Lovelace"),
    Phone("+14155550123"),
    Decimal("5000.50"),
    "USD",
    LoanType.HOME,
    SALT,
    subject="ada",
)
FIRST = chain.first_event(APPLICATION, NOW)
DECIDED = Event(
    LOAN_ID, 4, EventKind.DECIDED, Status.UNDER_REVIEW, Status.APPROVED_BY_AGENT, NOW, "agent:3", ("OTHER",),
    Personal("known to us"), None, Authority(Right.OF_SUBSTITUTE, 2, Decimal("100000.00"), Decimal("25000.00")), "jane",
)  # fmt: skip


def test_the_first_event_is_hashed_as_ever() -> None:
    sealed = chain.sealed(FIRST, chain.start(LOAN_ID), SALT, APPLICATION)
    assert sealed.personal_digest.hex() == "568f98b00bc07e645d40fc64a9d32b32eb7130e5755d8bb768d77230f8787702"
    assert sealed.hash.hex() == "022e315490ca28b7fe59910c343b3dc19a434bfb38a897d6e2a6599782284770"


def test_a_later_event_is_hashed_as_ever() -> None:
    sealed = chain.sealed(DECIDED, b"\x07" * 32, SALT)
    assert sealed.personal_digest.hex() == "e0f09470520fabbfe3bdef347e0dc041938051f8dc7d40d0345396fe17d9ba13"
    assert sealed.hash.hex() == "54d20316b0992a60cd0856f446e8ae2b005f94413a5613a58108f813a9877ce7"


def test_personal_words_are_hashed_as_they_are_and_not_as_they_are_shown() -> None:
    plain = replace(DECIDED, comment="known to us")  # type: ignore[arg-type]  # words that show themselves
    assert chain.personal_digest(plain, SALT) == chain.personal_digest(DECIDED, SALT)


def test_what_is_personal_is_in_the_hash_through_its_digest_alone() -> None:
    sealed = chain.sealed(DECIDED, b"\x07" * 32, SALT)
    emptied = replace(sealed, comment=Personal(""))
    assert chain._hash(emptied, sealed.personal_digest, b"\x07" * 32, None) == sealed.hash


@pytest.mark.parametrize("salt", [b"", b"\x00" * 16, SALT[::-1]])
def test_without_the_salt_nobody_finds_the_words_by_trying(salt: bytes) -> None:
    assert chain.personal_digest(DECIDED, salt) != chain.personal_digest(DECIDED, SALT)


words = st.text(max_size=6)
events = st.builds(
    Event,
    loan_id=st.sampled_from([LOAN_ID, UUID(int=1)]),
    version=st.integers(1, 12),
    kind=st.sampled_from(EventKind),
    from_status=st.none() | st.sampled_from(Status),
    to_status=st.sampled_from(Status),
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    actor=st.sampled_from(["system", "agent:1", "agent:11"]),
    reason_codes=st.lists(st.sampled_from(["A", "B", "A_B", "AB"]), max_size=3).map(tuple),
    assigned_agent_id=st.none() | st.integers(1, 12),
    authority=st.builds(
        Authority,
        right=st.none() | st.sampled_from(Right),
        on_behalf_of_agent_id=st.none() | st.integers(1, 12),
        approval_limit=st.none() | st.decimals(0, 99, places=2),
        customer_exposure=st.none() | st.decimals(0, 99, places=2),
    ),
    subject=words.filter(lambda text: text.isprintable()),
)


@given(events, events)
def test_two_events_have_the_same_hash_only_if_they_are_the_same(one: Event, other: Event) -> None:
    hashes = {chain.sealed(event, chain.start(LOAN_ID), SALT).hash for event in (one, other)}
    assert (len(hashes) == 1) == (one == other)


@given(st.lists(words, min_size=2, max_size=2), st.lists(words, min_size=2, max_size=2))
def test_no_word_passes_a_part_of_itself_to_the_next(one: list[str], other: list[str]) -> None:
    def digest(words: list[str]) -> bytes:
        name, phone = words
        applied = replace(APPLICATION, customer_name=Name(name), customer_phone=Phone(phone))
        return chain.personal_digest(FIRST, SALT, applied)

    assert (digest(one) == digest(other)) == (one == other)
