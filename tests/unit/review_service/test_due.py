"""By when reviews are due."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_service.domain.due import Calendar, Deadlines, due, read_hours

NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3_600
OFFICE = Calendar(read_hours("Mon-Fri 09:00-17:00"), ZoneInfo("UTC"))
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "America/Santiago", "Pacific/Apia"]


def at(written: str, zone: ZoneInfo | None = None) -> datetime:
    """A time of a clock; without a zone in UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=zone or UTC)


def test_without_a_calendar_every_second_counts() -> None:
    assert due(at("2026-03-06 16:00"), 1.5 * HOUR, None) == at("2026-03-06 17:30")


@pytest.mark.parametrize(
    ("begun", "hours", "expected"),
    [
        ("2026-03-04 10:00", 2, "2026-03-04 12:00"),
        ("2026-03-04 10:00", 7, "2026-03-04 17:00"),
        ("2026-03-04 10:00", 8, "2026-03-05 10:00"),
        ("2026-03-04 03:00", 1, "2026-03-04 10:00"),
        ("2026-03-04 17:00", 1, "2026-03-05 10:00"),
        ("2026-03-04 22:00", 1, "2026-03-05 10:00"),
        ("2026-03-06 16:00", 2, "2026-03-09 10:00"),
        ("2026-03-07 12:00", 1, "2026-03-09 10:00"),
        ("2026-03-04 10:00", 40, "2026-03-11 10:00"),
    ],
    ids=[
        "within a day",
        "to the very end of it",
        "over night",
        "begun before work",
        "begun when work ends",
        "begun after work",
        "over a weekend",
        "begun on a weekend",
        "a week of work",
    ],
)
def test_only_hours_of_work_count(begun: str, hours: float, expected: str) -> None:
    assert due(at(begun), hours * HOUR, OFFICE) == at(expected)


def test_holidays_do_not_count() -> None:
    calendar = Calendar(OFFICE.hours, OFFICE.time_zone, frozenset({date(2026, 12, 25), date(2026, 12, 28)}))
    assert due(at("2026-12-24 16:00"), 2 * HOUR, calendar) == at("2026-12-29 10:00")


@pytest.mark.parametrize(
    ("begun", "expected"),
    [("2026-03-06 16:00", "2026-03-09 10:00"), ("2026-10-30 16:00", "2026-11-02 10:00")],
    ids=["into summer time", "out of it"],
)
def test_hours_are_those_of_the_clock_of_the_time_zone(begun: str, expected: str) -> None:
    calendar = Calendar(OFFICE.hours, NEW_YORK)
    assert due(at(begun, NEW_YORK), 2 * HOUR, calendar) == at(expected, NEW_YORK)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-03-09", 24), ("2026-11-01", 25)], ids=["short", "usual", "long"]
)
def test_a_day_is_as_long_as_the_change_of_the_clock_makes_it(day: str, hours: int) -> None:
    always = Calendar(read_hours("Mon-Sun 00:00-24:00"), NEW_YORK)
    midnight, midday = at(f"{day} 00:00", NEW_YORK), at(f"{day} 12:00", NEW_YORK)
    next_midnight = due(midnight, hours * HOUR, always).astimezone(NEW_YORK)
    assert (next_midnight.date() - midnight.date(), next_midnight.hour) == (timedelta(days=1), 0)
    assert due(midday, HOUR, always) == at(f"{day} 13:00", NEW_YORK)


def test_a_type_of_loan_may_have_a_time_of_its_own() -> None:
    deadlines = Deadlines(2 * HOUR, {"HOME": 10 * HOUR}, OFFICE)
    begun = at("2026-03-04 10:00")
    assert deadlines.due_at("AUTO", begun) == at("2026-03-04 12:00")
    assert deadlines.due_at("HOME", begun) == at("2026-03-05 12:00")


calendars = st.builds(
    Calendar,
    st.dictionaries(
        st.integers(0, 6),
        st.tuples(st.integers(0, 1_200), st.integers(60, 240)).map(lambda hours: (hours[0], sum(hours))),
        min_size=1,
    ),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=30),
)
times = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
spans = st.floats(0, 2 * 86_400)


@given(times, spans, calendars)
def test_it_is_never_earlier_than_without_a_calendar(begun: datetime, seconds: float, calendar: Calendar) -> None:
    assert due(begun, seconds, calendar) >= due(begun, seconds, None)


@given(times, times, spans, spans, calendars)
def test_what_begins_later_or_takes_longer_is_not_due_earlier(
    begun: datetime, later: datetime, seconds: float, longer: float, calendar: Calendar
) -> None:
    begun, later = sorted((begun, later))
    seconds, longer = sorted((seconds, longer))
    assert due(begun, seconds, calendar) <= due(later, seconds, calendar)
    assert due(begun, seconds, calendar) <= due(begun, longer, calendar)


@given(times, spans.filter(lambda seconds: seconds > 1), calendars)
def test_it_is_due_in_a_time_of_work(begun: datetime, seconds: float, calendar: Calendar) -> None:
    shown = (due(begun, seconds, calendar) - timedelta(microseconds=1)).astimezone(calendar.time_zone)
    assert shown.date() not in calendar.holidays
    assert shown.weekday() in calendar.hours


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Mon-Fri 09:00-17:00", dict.fromkeys(range(5), (540, 1_020))),
        ("Mon-Tue 09:30-17:00, Sat 00:00-24:00", {0: (570, 1_020), 1: (570, 1_020), 5: (0, 1_440)}),
    ],
)
def test_working_hours_are_read(written: str, read: dict[int, tuple[int, int]]) -> None:
    assert read_hours(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "always",
        "Mon 9-17",
        "Mon 09:00-09:00",
        "Mon 17:00-09:00",
        "Mon 09:00-25:00",
        "Mon 00:00-24:30",
        "Fri-Mon 09:00-17:00",
        "Moo 09:00-17:00",
        "Mon-Fri 09:00-17:00, Fri 09:00-15:00",
        "Mon 09:00-17:00,",
    ],
)
def test_working_hours_that_make_no_sense_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_hours(written)
