"""Parts of the date that seconds since 1970 make, in any year: Python's own dates end with the year 9999."""

import calendar
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

_DAY: Final = 86_400
_LARGEST: Final = 2**63
_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of UTC."""

    year: int
    month: int
    day: int
    weekday: int
    """0 is Sunday."""
    seconds: int
    """Since midnight."""

    @property
    def is_leap(self) -> bool:
        """Whether its year is a leap year."""
        return calendar.isleap(self.year)


def moment(value: float) -> Moment:
    """Return the instant of seconds since 1970; what is no number of 64 bits is where Go puts it, 2^63 s later."""
    whole = math.trunc(value) if math.isfinite(value) else _LARGEST
    days, seconds = divmod(whole if -_LARGEST <= whole < _LARGEST else _LARGEST, _DAY)
    # Eras of 400 years begin on a first of March: leap days come last.
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = (month_from_march + 2) % 12 + 1
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004 - January and February end such a year
    return Moment(year, month, day, (days + 4) % 7, seconds)


def _days_in_month(at: Moment) -> int:
    lengths = (31, 29 if at.is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return lengths[at.month - 1]


def _day_of_year(at: Moment) -> int:
    return _DAYS_BEFORE[at.month - 1] + at.day + (at.is_leap and at.month > 2)  # noqa: PLR2004 - after February


def _part(function: Callable[[Moment], int]) -> Callable[[float], float]:
    return lambda value: float(function(moment(value)))


MOMENTS: Final[Mapping[str, Callable[[float], float]]] = {
    "minute": _part(lambda at: at.seconds // 60 % 60),
    "hour": _part(lambda at: at.seconds // 3600),
    "day_of_week": _part(lambda at: at.weekday),
    "day_of_month": _part(lambda at: at.day),
    "day_of_year": _part(_day_of_year),
    "days_in_month": _part(_days_in_month),
    "month": _part(lambda at: at.month),
    "year": _part(lambda at: at.year),
}
"""Functions of one vector, of the present where none is given."""
