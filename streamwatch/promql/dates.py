"""Parts of the date that seconds since 1970 make, in any year."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from streamwatch.promql.columns import Floats, Ints

_DAY: Final = 86_400
_LARGEST: Final = 2**63
_NOWHERE: Final = divmod(_LARGEST, _DAY)
"""Day and second of what is no number of 64 bits: where Go puts it."""


def _moments(values: Floats) -> tuple[Ints, Ints]:
    """Return days since 1970, and seconds since midnight."""
    known = np.abs(values) < _LARGEST
    days, seconds = np.divmod(np.where(known, values, 0.0).astype(np.int64), _DAY)
    return np.where(known, days, _NOWHERE[0]), np.where(known, seconds, _NOWHERE[1])


def _in(days: Ints, unit: str) -> Any:  # noqa: ANN401 - numpy's types know no unit by name
    """Return dates, cut to months or years."""
    return days.astype("datetime64[D]").astype(f"datetime64[{unit}]")


def _first(dates: Any) -> Ints:  # noqa: ANN401
    """Return the first day of a month or year, in days since 1970."""
    found: Ints = dates.astype("datetime64[D]").astype(np.int64)
    return found


def _of_day(function: Callable[[Ints], Ints]) -> Callable[[Floats], Floats]:
    return lambda values: function(_moments(values)[0]).astype(np.float64)


def _of_time(function: Callable[[Ints], Ints]) -> Callable[[Floats], Floats]:
    return lambda values: function(_moments(values)[1]).astype(np.float64)


MOMENTS: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "minute": _of_time(lambda seconds: seconds // 60 % 60),
    "hour": _of_time(lambda seconds: seconds // 3600),
    "day_of_week": _of_day(lambda days: (days + 4) % 7),
    "day_of_month": _of_day(lambda days: days - _first(_in(days, "M")) + 1),
    "day_of_year": _of_day(lambda days: days - _first(_in(days, "Y")) + 1),
    "days_in_month": _of_day(lambda days: _first(_in(days, "M") + 1) - _first(_in(days, "M"))),
    "month": _of_day(lambda days: _in(days, "M").astype(np.int64) % 12 + 1),
    "year": _of_day(lambda days: _in(days, "Y").astype(np.int64) + 1970),
}
"""Functions of one vector, of the present where none is given."""
