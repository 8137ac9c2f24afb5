"""Go's ``time.Time`` and ``time.Duration``, as far as templates use them: printed and laid out as Go does."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_YEAR_ONE: Final = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799.0
_NOON: Final = 12
_MILLISECOND: Final = 1_000
_SECOND: Final = 1_000_000
_PRINTED: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
_LAYOUT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|2006|MST|Z07:?00|-07:?00|-07|002|01|02|03|04|05|06|15|PM|pm"
    r"|[.,](?:0+|9+)(?!\d)|_2|[1-5]"
)
_SPOKEN: Final[Mapping[str, Callable[[datetime], str]]] = {
    "January": lambda at: at.strftime("%B"),
    "Jan": lambda at: at.strftime("%b"),
    "Monday": lambda at: at.strftime("%A"),
    "Mon": lambda at: at.strftime("%a"),
    "2006": lambda at: f"{at.year:04}",
    "06": lambda at: f"{at.year % 100:02}",
    "01": lambda at: f"{at.month:02}",
    "1": lambda at: str(at.month),
    "002": lambda at: f"{at.timetuple().tm_yday:03}",
    "02": lambda at: f"{at.day:02}",
    "_2": lambda at: f"{at.day:2}",
    "2": lambda at: str(at.day),
    "15": lambda at: f"{at.hour:02}",
    "03": lambda at: f"{at.hour % _NOON or _NOON:02}",
    "3": lambda at: str(at.hour % _NOON or _NOON),
    "04": lambda at: f"{at.minute:02}",
    "4": lambda at: str(at.minute),
    "05": lambda at: f"{at.second:02}",
    "5": lambda at: str(at.second),
    "PM": lambda at: "AM" if at.hour < _NOON else "PM",
    "pm": lambda at: "am" if at.hour < _NOON else "pm",
    "MST": lambda at: at.tzname() or "UTC",
}


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time."""

    seconds: float

    def Seconds(self) -> float:  # noqa: N802 - Go's names, which templates use
        """Return it in seconds."""
        return self.seconds

    def Minutes(self) -> float:  # noqa: N802 - as above
        """Return it in minutes."""
        return self.seconds / 60

    def Hours(self) -> float:  # noqa: N802 - as above
        """Return it in hours."""
        return self.seconds / 3600

    def String(self) -> str:  # noqa: N802 - as above
        """Return it as Go prints it: ``1h2m3.5s``, ``1.5ms``, ``0s``."""
        return str(self)

    def __str__(self) -> str:
        whole = round(abs(self.seconds) * 1_000_000)  # the clock's microseconds
        sign = "-" if self.seconds < 0 and whole else ""
        if whole == 0:
            return "0s"
        if whole < _MILLISECOND:
            return f"{sign}{whole}µs"
        if whole < _SECOND:
            return f"{sign}{_bare(whole / _MILLISECOND, 3)}ms"
        minutes, rest = divmod(whole, 60 * _SECOND)
        hours, minutes = divmod(minutes, 60)
        large = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
        return f"{sign}{large}{_bare(rest / _SECOND, 6)}s"


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """An instant in a zone."""

    at: datetime

    def Format(self, layout: str) -> str:  # noqa: N802 - Go's names, which templates use
        """Return it by a layout such as ``2006-01-02 15:04:05``."""
        return _LAYOUT.sub(lambda match: _part(self.at, match[0]), layout)

    def UTC(self) -> "Time":  # noqa: N802 - as above
        """Return it in UTC."""
        return Time(self.at.astimezone(UTC))

    def Local(self) -> "Time":  # noqa: N802 - as above
        """Return it in UTC: where an agent runs says nothing of who reads."""
        return self.UTC()

    def Unix(self) -> int:  # noqa: N802 - as above
        """Return whole seconds since 1970."""
        return (self.at - _EPOCH) // timedelta(seconds=1)

    def UnixMilli(self) -> int:  # noqa: N802 - as above
        """Return whole milliseconds since 1970."""
        return (self.at - _EPOCH) // timedelta(milliseconds=1)

    def UnixNano(self) -> int:  # noqa: N802 - as above
        """Return nanoseconds since 1970."""
        return (self.at - _EPOCH) // timedelta(microseconds=1) * 1000

    def Year(self) -> int:  # noqa: N802 - as above
        """Return the year."""
        return self.at.year

    def Month(self) -> str:  # noqa: N802 - as above
        """Return the month's name, as Go prints one."""
        return self.at.strftime("%B")

    def Day(self) -> int:  # noqa: N802 - as above
        """Return the day of the month."""
        return self.at.day

    def Weekday(self) -> str:  # noqa: N802 - as above
        """Return the day of the week, as Go prints one."""
        return self.at.strftime("%A")

    def Hour(self) -> int:  # noqa: N802 - as above
        """Return the hour."""
        return self.at.hour

    def Minute(self) -> int:  # noqa: N802 - as above
        """Return the minute."""
        return self.at.minute

    def Second(self) -> int:  # noqa: N802 - as above
        """Return the second."""
        return self.at.second

    def IsZero(self) -> bool:  # noqa: N802 - as above
        """Say whether it is Go's zero time: the end of what goes on."""
        return self.at == _YEAR_ONE

    def Sub(self, other: "Time") -> Duration:  # noqa: N802 - as above
        """Return how long after another it is."""
        return Duration((self.at - other.at).total_seconds())

    def Add(self, span: Duration) -> "Time":  # noqa: N802 - as above
        """Return the instant so much later."""
        return Time(self.at + timedelta(seconds=span.seconds))

    def Before(self, other: "Time") -> bool:  # noqa: N802 - as above
        """Say whether it is before another."""
        return self.at < other.at

    def After(self, other: "Time") -> bool:  # noqa: N802 - as above
        """Say whether it is after another."""
        return self.at > other.at

    def Equal(self, other: "Time") -> bool:  # noqa: N802 - as above
        """Say whether it is the same instant."""
        return self.at == other.at

    def String(self) -> str:  # noqa: N802 - as above
        """Return it as Go prints it."""
        return str(self)

    def within(self, zone: tzinfo) -> "Time":
        """Return the same instant in a zone."""
        return Time(self.at.astimezone(zone))

    def __str__(self) -> str:
        return self.Format(_PRINTED)


NEVER: Final = Time(_YEAR_ONE)


def time(seconds: float | None) -> Time:
    """Return an instant given in seconds since 1970; Go's zero time for none."""
    if seconds is None:
        return NEVER
    return Time(_EPOCH + timedelta(seconds=min(max(seconds, 0.0), _LATEST)))


def zoned(name: str, at: Time) -> Time:
    """Return an instant in the zone of this name.

    Raises:
        ValueError: there is no such zone.

    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - with it comes how Python was built: 1 MB

    try:
        return at.within(UTC if name in {"", "UTC", "Local"} else ZoneInfo(name))
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def _bare(number: float, digits: int) -> str:
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")


def _part(at: datetime, part: str) -> str:
    if part[0] in ".,":
        digits = f"{at.microsecond:06}000"[: len(part) - 1]
        shown = digits if part[1] == "0" else digits.rstrip("0")
        return part[0] + shown if shown else ""
    if part[0] in "Z-":
        offset = at.strftime("%z") or "+0000"
        if part[0] == "Z" and offset == "+0000":
            return "Z"
        return offset[:3] + (":" if ":" in part else "") + (offset[3:5] if len(part) > len("-07") else "")
    return _SPOKEN[part](at)
