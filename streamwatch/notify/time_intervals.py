"""Alertmanager's time intervals: the hours, days, months and years at which routes are muted or active."""

import calendar
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from streamwatch.core.cron import cron
from streamwatch.settings.types import Duration, refuse, setting, tried

_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = tuple(name.lower() for name in calendar.month_name)
"""January is the one of index 1."""
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}")
_MOST_DAYS, _LEAST_DAYS = 31, 28
_DAY_MINUTES: Final = 1440
_CRON_FIELDS: Final = 5
_LONGEST_SECONDS: Final = 366 * 86_400.0
_MACHINE: Final = "Local"
"""The location that is the machine's own, as in Alertmanager."""


@dataclass(frozen=True, slots=True)
class InclusiveRange:
    """Numbers from the first to the last."""

    begin: int
    end: int

    def __contains__(self, number: int) -> bool:
        return self.begin <= number <= self.end


def _range(text: str, member: Callable[[str], int]) -> InclusiveRange:
    """Read ``FIRST:LAST``, or a single member."""
    first, *others = text.split(":")
    if len(others) > 1:
        raise ValueError(f"{text!r} is no range: write 'first:last'")
    begin = member(first)
    return InclusiveRange(begin, member(others[0]) if others else begin)


def _ascending(text: str, member: Callable[[str], int], cycle: str) -> InclusiveRange:
    members = _range(text, member)
    if members.begin > members.end:
        raise ValueError(f"{text!r} ends before it begins: {cycle}")
    return members


def _weekday(text: str) -> int:
    if text.lower() not in _WEEKDAYS:
        raise ValueError(f"{text!r} is no weekday: write one like 'monday'")
    return _WEEKDAYS.index(text.lower())


def _month(text: str) -> int:
    if _NUMBER.fullmatch(text) and 0 < int(text) < len(_MONTHS):
        return int(text)
    if not text or text.lower() not in _MONTHS:
        raise ValueError(f"{text!r} is no month: write one like 'january' or '1'")
    return _MONTHS.index(text.lower())


def _day_of_month(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 0 < abs(int(text)) <= _MOST_DAYS:
        raise ValueError(f"{text!r} is no day of a month: write one of 1 to 31, or of -31 to -1 from the month's end")
    return int(text)


def _year(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no year: write one like '2027'")
    return int(text)


def read_weekdays(text: str) -> InclusiveRange:
    """Read weekdays, Sunday being 0.

    Raises:
        ValueError: they are none.

    """
    return _ascending(text, _weekday, "a week begins on sunday: write two ranges, as in ['saturday', 'sunday:monday']")


def read_days_of_month(text: str) -> InclusiveRange:
    """Read days of the month; negative ones count from its end.

    Raises:
        ValueError: they are none, or of no month.

    """
    days = _range(text, _day_of_month)
    if days.begin < 0 < days.end:
        raise ValueError(f"{text!r}: where the first day counts from the month's end, the last one does, too")
    # Which day -1 is depends on the month: what is refused is refused for the shortest one.
    begin, end = (day if day > 0 else _LEAST_DAYS + day for day in (days.begin, days.end))
    if begin > end:
        raise ValueError(f"{text!r} ends before it begins: write two ranges, as in ['1:5', '-3:-1']")
    return days


def read_months(text: str) -> InclusiveRange:
    """Read months, January being 1.

    Raises:
        ValueError: they are none.

    """
    return _ascending(text, _month, "write two ranges, as in ['december', 'january:march']")


def read_years(text: str) -> InclusiveRange:
    """Read years.

    Raises:
        ValueError: they are none.

    """
    return _ascending(text, _year, "write the earlier year first")


def read_minute_of_day(text: str) -> int:
    """Read a time of day as the minutes since midnight.

    Raises:
        ValueError: it is none.

    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no time of day: write it like '09:30', from '00:00' to '24:00'")
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """Minutes of a day. What goes over midnight is two: to `24:00`, and from `00:00`."""

    start_time: Annotated[int, read_minute_of_day] = setting("the first minute, as in `22:00`")
    end_time: Annotated[int, read_minute_of_day] = setting("the minute after the last one; `24:00`: the end of the day")

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        if self.start_time is not None and self.end_time is not None and self.start_time >= self.end_time:
            yield (
                "end_time: it is not after start_time: over midnight, write two ranges: one until '24:00', one from"
                " '00:00'"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeInterval:
    """The times at which all holds that is written here; of each list, one must. What is left out always holds."""

    times: tuple[TimeRange, ...] | None = setting("times of day", default=None)
    weekdays: tuple[Annotated[InclusiveRange, read_weekdays], ...] | None = setting(
        "days of the week, as in `monday:friday`; a week begins on Sunday", default=None
    )
    days_of_month: tuple[Annotated[InclusiveRange, read_days_of_month], ...] | None = setting(
        "days of the month, as in `1:5`; `-1` is the last one", default=None
    )
    months: tuple[Annotated[InclusiveRange, read_months], ...] | None = setting(
        "months, as in `january:march` or `12`", default=None
    )
    years: tuple[Annotated[InclusiveRange, read_years], ...] | None = setting("years, as in `2026:2027`", default=None)
    cron: str | None = setting(
        "not in Alertmanager: when a span begins that may go over midnight: minute, hour, day of the month, month, day"
        " of the week, as in `0 22 * * fri`",
        default=None,
    )
    duration: Duration | None = setting(
        "how long the span lasts, as in `58h`", default=None, minimum=60.0, maximum=_LONGEST_SECONDS
    )
    location: str = setting("time zone, as in `Europe/Paris`; `Local`: the machine's", default="UTC")

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        for field in ("times", "weekdays", "days_of_month", "months", "years"):
            if getattr(self, field) == ():
                yield f"{field}: an empty list holds at no time: leave it out, or write when"
        try:
            _local(0.0, self.location)
        except (KeyError, ValueError, OSError):
            yield f"location: {self.location!r} is no time zone: write one like 'Europe/Paris'"
            return
        yield from self._span_problems()

    def _span_problems(self) -> Iterator[str]:
        if (self.cron is None) != (self.duration is None):
            yield "cron and duration: a span has both: when it begins, and how long it lasts"
        if self.cron is None:
            return
        fields = self.cron.split()
        if len(fields) != _CRON_FIELDS:
            yield f"cron: {self.cron!r} has not five fields: write '0 22 * * fri'"
        elif any(map(str.isdigit, fields[-1])):
            yield f"cron: {fields[-1]!r}: write names of weekdays, as in 'mon-fri': whether 0 is Sunday differs"
        elif self.location == _MACHINE:
            yield "cron: name a time zone in location: the machine's own does not say when its clocks change"
        else:
            yield from (f"cron: {self.cron!r}: {mistake}" for mistake in tried(cron, self.cron, self.location))

    def contains(self, at: float) -> bool:
        """Say whether a time is one of these; in seconds since 1970."""
        local = _local(at, self.location)
        minute, last_day = local.hour * 60 + local.minute, calendar.monthrange(local.year, local.month)[1]
        return (
            self._span(at)[0]
            and (self.times is None or any(each.start_time <= minute < each.end_time for each in self.times))
            and (self.days_of_month is None or any(_has_day(each, local.day, last_day) for each in self.days_of_month))
            and _any_has(self.months, local.month)
            and _any_has(self.weekdays, local.isoweekday() % 7)
            and _any_has(self.years, local.year)
        )

    def unchanged_until(self, at: float) -> float:
        """Return a time after this one, before which ``contains`` gives the same. In seconds since 1970."""
        start = math.floor(at)
        local = _local(start, self.location)
        second = local.hour * 3600 + local.minute * 60 + local.second
        minutes = [_DAY_MINUTES, *(minute for each in self.times or () for minute in (each.start_time, each.end_time))]
        ends = start + min(minute * 60 - second for minute in minutes if minute * 60 > second)
        if _local(ends, self.location).utcoffset() != local.utcoffset():  # the clocks change before: that is when
            while ends - start > 1:
                between = (start + ends) // 2
                if _local(between, self.location).utcoffset() == local.utcoffset():
                    start = between
                else:
                    ends = between
        return min(float(ends), self._span(at)[1])

    def _span(self, at: float) -> tuple[bool, float]:
        """Return whether a span of ``cron`` lasts, and until when that stays so."""
        if self.cron is None or self.duration is None:
            return True, math.inf
        start = cron(self.cron, self.location)(at - self.duration)
        return (False, start) if start > at else (True, start + self.duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTimeInterval:
    """Times that routes refer to by a name, as in Alertmanager."""

    name: str = setting("what routes call it, and whoever asks why nobody is notified is shown")
    time_intervals: tuple[TimeInterval, ...] = setting("the times: one of these must hold")

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        if self.time_intervals == ():
            yield "time_intervals: at least one is wanted"

    def contains(self, at: float) -> bool:
        """Say whether a time is one of these; in seconds since 1970."""
        return any(each.contains(at) for each in self.time_intervals)


def current(intervals: Sequence[NamedTimeInterval], at: float) -> tuple[frozenset[str], float]:
    """Return the names of the intervals that contain a time, and until when that stays so at least."""
    until = min((part.unchanged_until(at) for each in intervals for part in each.time_intervals), default=math.inf)
    return frozenset(each.name for each in intervals if each.contains(at)), until


def _has_day(days: InclusiveRange, day: int, last_day: int) -> bool:
    begin, end = (each if each > 0 else last_day + 1 + each for each in (days.begin, days.end))
    return begin <= day <= end


def _any_has(ranges: Sequence[InclusiveRange] | None, number: int) -> bool:
    return ranges is None or any(number in each for each in ranges)


def _local(at: float, location: str) -> datetime:
    """Return a time as the clocks of a place show it."""
    if location == _MACHINE:
        return datetime.fromtimestamp(at).astimezone()
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - with it comes how Python was built: 1 MB

    return datetime.fromtimestamp(at, ZoneInfo(location))
