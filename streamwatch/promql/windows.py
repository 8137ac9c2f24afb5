"""Functions of ranges, for many series with the same times at once: to the last bit what ``ranges`` makes of one."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from streamwatch.promql.columns import Bools, Floats, Ints
from streamwatch.promql.numbers import mean
from streamwatch.promql.ranges import extrapolation


def _changed(  # noqa: PLR0913 - as in `ranges`
    times: Ints, values: Floats, since: int, until: int, *, counter: bool, a_second: bool
) -> Floats | None:
    if len(times) <= 1 or times[0] == times[-1]:
        return None
    change = values[-1] - values[0]
    if counter:
        for before, value in pairwise(values):
            falls = value < before
            if falls.any():
                change[falls] += before[falls]
    sampled = float(times[-1] - times[0]) / 1000
    between = sampled / (len(times) - 1)
    to_start = extrapolation(float(times[0] - since) / 1000, between)
    to_end = extrapolation(float(until - times[-1]) / 1000, between)
    starts = np.full(len(change), to_start)
    if counter:
        rising = (change > 0) & (values[0] >= 0)
        starts[rising] = np.minimum(to_start, sampled * (values[0][rising] / change[rising]))
    factor = (sampled + starts + to_end) / sampled
    if a_second:
        factor /= (until - since) / 1000
    found: Floats = change * factor
    return found


def _instant(times: Ints, values: Floats, *, rate: bool) -> Floats | None:
    if len(times) <= 1:
        return None
    seconds = float(times[-1] - times[-2]) / 1000
    if seconds == 0:
        return None
    before, last = values[-2], values[-1]
    change: Floats = np.where(last < before, last, last - before) if rate else last - before
    return change / seconds if rate else change


def _sums(values: Floats) -> tuple[Floats, Floats]:
    """Return the sums of columns, and what rounding has lost of them."""
    found, lost = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for value in values:
        new = found + value
        larger = np.abs(found) >= np.abs(value)
        lost += np.where(larger, (found - new) + value, (value - new) + found)
        lost[np.isinf(new)] = 0.0
        found = new
    return found, lost


def _total(values: Floats) -> Floats:
    found, lost = _sums(values)
    return np.where(np.isinf(found), found, found + lost)


def _mean(values: Floats) -> Floats:
    found, lost = _sums(values)
    means = found / len(values) + lost / len(values)
    for at in np.flatnonzero(np.isinf(found)).tolist():
        means[at] = mean(values[:, at].tolist())
    return means


def _changes(values: Floats) -> Floats:
    one, other = values[:-1], values[1:]
    differ = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return _counted(differ)


def _counted(holds: Bools) -> Floats:
    found: Floats = holds.sum(axis=0).astype(np.float64)
    return found


def _count(values: Floats) -> Floats:
    return np.full(values.shape[1], float(len(values)))


Vectorised = Callable[[Ints, Floats, int, int], Floats | None]
"""Makes of times, values (a row a time, a column a series; none missing), and the range's start and end a value a
series; None where there are too few samples."""

FUNCTIONS: Final[Mapping[str, Vectorised]] = {
    "rate": lambda t, v, since, until: _changed(t, v, since, until, counter=True, a_second=True),
    "increase": lambda t, v, since, until: _changed(t, v, since, until, counter=True, a_second=False),
    "delta": lambda t, v, since, until: _changed(t, v, since, until, counter=False, a_second=False),
    "irate": lambda t, v, _, __: _instant(t, v, rate=True),
    "idelta": lambda t, v, _, __: _instant(t, v, rate=False),
    "changes": lambda _, v, __, ___: _changes(v),
    "resets": lambda _, v, __, ___: _counted(v[1:] < v[:-1]),
    "min_over_time": lambda _, v, __, ___: np.fmin.reduce(v),
    "max_over_time": lambda _, v, __, ___: np.fmax.reduce(v),
    "sum_over_time": lambda _, v, __, ___: _total(v),
    "avg_over_time": lambda _, v, __, ___: _mean(v),
    "count_over_time": lambda _, v, __, ___: _count(v),
    "last_over_time": lambda _, v, __, ___: v[-1],
    "present_over_time": lambda _, v, __, ___: np.ones(v.shape[1]),
}
"""Those that pay; the others are evaluated series by series."""
