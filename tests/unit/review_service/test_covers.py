"""Who stands in for whom, and that somebody always does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from review_service.domain import (
    Absence,
    CoverCircle,
    CoverOverlaps,
    absence,
    refuse_circle,
    refuse_second_substitute,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(hour: float) -> datetime:
    return NOON + timedelta(hours=hour)


def away(agent_id: int, substitute_id: int, start: float, end: float) -> Absence:
    return Absence(agent_id, substitute_id, at(start), at(end))


@pytest.mark.parametrize(
    ("starts_at", "begins_at"),
    [(None, NOON), (at(-1), NOON), (NOON, NOON), (at(1), at(1))],
    ids=["unset", "passed", "now", "later"],
)
def test_a_cover_begins_now_unless_it_begins_later(starts_at: datetime | None, begins_at: datetime) -> None:
    assert absence(1, 2, starts_at, at(2), now=NOON) == Absence(1, 2, begins_at, at(2))


@pytest.mark.parametrize(
    ("substitute_id", "starts_at", "ends_at", "fields"),
    [
        (2, None, NOON, ["ends_at"]),
        (2, None, at(-1), ["ends_at"]),
        (2, at(-2), at(-1), ["ends_at"]),
        (2, at(1), at(1), ["ends_at"]),
        (1, None, at(1), ["substitute_agent_id"]),
        (1, at(2), at(1), ["substitute_agent_id", "ends_at"]),
    ],
    ids=["ends now", "has ended", "had begun and has ended", "is no time", "is by themself", "all of it"],
)
def test_a_cover_is_refused_that(
    substitute_id: int, starts_at: datetime | None, ends_at: datetime, fields: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        absence(1, substitute_id, starts_at, ends_at, now=NOON)
    assert [violation.field for violation in refusal.value.violations] == fields


@pytest.mark.parametrize(
    ("start", "end", "refused"),
    [
        (0, 1, False),
        (1, 2, True),
        (1.5, 1.6, True),
        (0, 3, True),
        (1.9, 3, True),
        (0, 1.1, True),
        (2, 3, False),
    ],
    ids=["until it", "the same", "within it", "around it", "into its end", "into its start", "from its end on"],
)
def test_an_agent_has_one_substitute_at_a_time(start: float, end: float, *, refused: bool) -> None:
    others = [away(1, 2, 1, 2), away(9, 2, 0, 10)]
    wanted = away(1, 3, start, end)
    if refused:
        with pytest.raises(CoverOverlaps):
            refuse_second_substitute(wanted, others)
    else:
        refuse_second_substitute(wanted, others)


def test_a_cover_that_was_taken_back_is_in_nobodys_way() -> None:
    refuse_second_substitute(away(1, 3, 0, 3), [away(1, 2, 1, 1)])
    refuse_circle(away(1, 2, 0, 3), [away(2, 1, 1, 1)])


@pytest.mark.parametrize(
    "others",
    [
        [away(2, 1, 1, 2)],
        [away(2, 3, 0, 4), away(3, 1, 1, 2)],
        [away(2, 3, 0, 1), away(2, 4, 1, 4), away(4, 1, 3, 4)],
    ],
    ids=["of two", "of three", "by the second of two substitutes"],
)
def test_a_circle_is_refused(others: list[Absence]) -> None:
    with pytest.raises(CoverCircle):
        refuse_circle(away(1, 2, 0, 4), others)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [away(2, 1, 4, 5)],
        [away(2, 3, 0, 4)],
        [away(2, 3, 0, 2), away(3, 1, 2, 4)],
        [away(3, 1, 0, 4)],
        [away(2, 5, 0, 4), away(3, 5, 0, 4)],
    ],
    ids=[
        "nobody else",
        "one after the other",
        "a substitute of the substitute",
        "links that never meet",
        "somebody else's",
        "one for two",
    ],
)
def test_what_is_no_circle_is_granted(others: list[Absence]) -> None:
    refuse_circle(away(1, 2, 0, 4), others)


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 6), st.integers(1, 4)).filter(
            lambda each: each[0] != each[1]
        ),
        max_size=12,
    )
)
def test_at_every_moment_following_the_substitutes_ends_with_somebody_who_is_there(
    wishes: list[tuple[int, int, int, int]],
) -> None:
    granted: list[Absence] = []
    for agent_id, substitute_id, start, length in wishes:
        wanted = away(agent_id, substitute_id, start, start + length)
        assert is_granted(wanted, granted) == is_right([*granted, wanted])
        if is_right([*granted, wanted]):
            granted.append(wanted)


def is_granted(wanted: Absence, others: list[Absence]) -> bool:
    try:
        refuse_second_substitute(wanted, others)
        refuse_circle(wanted, others)
    except (CoverOverlaps, CoverCircle):
        return False
    return True


def is_right(absences: list[Absence]) -> bool:
    """Looked at hour by hour: one substitute at a time, and no circle."""
    for hour in range(12):
        now = [each for each in absences if each.starts_at <= at(hour) < each.ends_at]
        stand_in = {each.agent_id: each.substitute_id for each in now}
        if len(stand_in) < len(now):
            return False
        for agent_id in stand_in:
            following, steps = stand_in.get(agent_id), 0
            while following is not None and steps <= len(stand_in):
                following, steps = stand_in.get(following), steps + 1
            if following is not None:
                return False
    return True
