"""By when a review is due: some time after it began, counted always or only while people work."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PART = re.compile(r"(?P<first>[A-Z][a-z]{2})(-(?P<last>[A-Z][a-z]{2}))? (?P<starts>[0-9:]{5})-(?P<ends>[0-9:]{5})")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")

Hours = Mapping[int, tuple[int, int]]
"""When work begins and ends on a day of the week (Monday is 0), in minutes after midnight."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When people work.

    Attributes:
        hours: The days of the week on which they do, at least one, and from when to when.
        time_zone: Whose clock shows these hours.
        holidays: Days without work, whatever day of the week.
    """

    hours: Hours
    time_zone: ZoneInfo
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a review may take before it moves up.

    Attributes:
        after_s: In seconds.
        after_s_by_type: The same for types of loans that have a time of their own.
        calendar: Only working hours count; None counts every hour.
    """

    after_s: float = 86_400
    after_s_by_type: Mapping[str, float] = field(default_factory=dict)
    calendar: Calendar | None = None

    def due_at(self, loan_type: str, begun: datetime) -> datetime:
        """When a review of such a loan is due that begins, or begins again, at a time."""
        return due(begun, self.after_s_by_type.get(loan_type, self.after_s), self.calendar)


def due(begun: datetime, seconds: float, calendar: Calendar | None) -> datetime:
    """The time at which so many seconds have passed, or so many seconds of work if there is a calendar."""
    left = timedelta(seconds=seconds)
    if calendar is None:
        return begun + left
    now = begun.astimezone(UTC)
    for starts, ends in _windows(now, calendar):
        now = max(now, starts)
        if now + left <= ends:
            break
        left -= max(ends - now, timedelta(0))
        now = max(now, ends)
    return now + left


def read_hours(written: str) -> Hours:
    """Working hours as they are written in a setting, for example `Mon-Thu 09:00-17:00, Fri 09:00-15:00`.

    Raises:
        ValueError: They cannot be read, or a day is named twice.
    """
    hours: dict[int, tuple[int, int]] = {}
    for part in written.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError("working hours look like `Mon-Thu 09:00-17:00, Fri 09:00-15:00`")
        starts, ends = _minutes(match["starts"]), _minutes(match["ends"])
        if starts >= ends:
            raise ValueError(f"work must end after it begins, not as in {part.strip()}")
        for day in _days(match["first"], match["last"] or match["first"]):
            if day in hours:
                raise ValueError(f"{_DAYS[day]} is named twice")
            hours[day] = (starts, ends)
    return hours


def _windows(now: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """The times of work in UTC from the day of `now` on, for ever; as long as the changes of the clock make them."""
    day = now.astimezone(calendar.time_zone).date()
    while True:
        if day.weekday() in calendar.hours and day not in calendar.holidays:
            starts, ends = calendar.hours[day.weekday()]
            yield _instant(day, starts, calendar.time_zone), _instant(day, ends, calendar.time_zone)
        day += timedelta(days=1)


def _instant(day: date, minutes: int, time_zone: ZoneInfo) -> datetime:
    """When a clock shows so many minutes after midnight; an hour that it shows twice is the first of the two."""
    shown = datetime(day.year, day.month, day.day, tzinfo=time_zone) + timedelta(minutes=minutes)
    return shown.astimezone(UTC)


def _days(first: str, last: str) -> range:
    try:
        days = range(_DAYS.index(first), _DAYS.index(last) + 1)
    except ValueError as error:
        raise ValueError(f"days are called {', '.join(_DAYS)}") from error
    if not days:
        raise ValueError(f"{first} does not come before {last} in a week that begins on {_DAYS[0]}")
    return days


def _minutes(clock: str) -> int:
    if not _CLOCK.fullmatch(clock):
        raise ValueError(f"{clock} is not a time of day")
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
