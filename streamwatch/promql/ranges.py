"""Functions of samples in a range of time, of many series at once: rates, differences, what happened ``over_time``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from streamwatch.promql.columns import Bools, Floats, Ints
from streamwatch.promql.numbers import mean, quantile, variance


@dataclass(frozen=True, slots=True)
class RangeSamples:
    """Samples of series that have them at the same times: at least one, and none is missing."""

    times: Ints
    values: Floats
    """A row a time, a column a series."""
    start_ms: int
    """Where the range begins (not included)."""
    end_ms: int
    """Where it ends."""
    at_ms: int
    """The time of evaluation."""


RangeFunction: TypeAlias = Callable[[RangeSamples], Floats | None]


def _extrapolated(samples: RangeSamples, *, counter: bool, a_second: bool) -> Floats | None:
    """Return by how much series changed in the range, extrapolated to its ends as far as their samples allow."""
    times, values = samples.times, samples.values
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
    to_start = _extrapolation(float(times[0] - samples.start_ms) / 1000, between)
    to_end = _extrapolation(float(samples.end_ms - times[-1]) / 1000, between)
    starts = np.full(len(change), to_start)
    if counter:
        rising = (change > 0) & (values[0] >= 0)
        starts[rising] = np.minimum(to_start, sampled * (values[0][rising] / change[rising]))
    factor = (sampled + starts + to_end) / sampled
    if a_second:
        factor /= (samples.end_ms - samples.start_ms) / 1000
    found: Floats = change * factor
    return found


def _extrapolation(seconds: float, between: float) -> float:
    """Return how far a change goes on towards an end of the range that is so many seconds away.

    As far as that, where another sample might have come only after it: samples are ``between`` seconds apart.
    """
    return between / 2 if seconds >= between * 1.1 else seconds


def _instant(samples: RangeSamples, *, rate: bool) -> Floats | None:
    """Return the change between the last two samples."""
    if len(samples.times) <= 1:
        return None
    seconds = float(samples.times[-1] - samples.times[-2]) / 1000
    if seconds == 0:
        return None
    before, last = samples.values[-2:]
    change: Floats = np.where(last < before, last, last - before) if rate else last - before
    return change / seconds if rate else change


def _sums(values: Floats) -> tuple[Floats, Floats]:
    """Return the sums of columns, and what rounding has lost of them (Kahan and Neumaier)."""
    found, lost = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for value in values:
        new = found + value
        larger = np.abs(found) >= np.abs(value)
        lost += np.where(larger, (found - new) + value, (value - new) + found)
        lost[np.isinf(new)] = 0.0
        found = new
    return found, lost


def _extreme(values: Floats, beats: np.ufunc, best: np.ufunc) -> Floats:
    """Return the least or greatest of columns, NaN only where there is nothing else; of two zeros the first."""
    if not (np.signbit(values) & (values == 0)).any():  # numpy does not say which of two zeros it takes
        quick: Floats = best.reduce(values, axis=0)
        return quick
    found: Floats = values[0].copy()
    for value in values[1:]:
        np.copyto(found, value, where=beats(value, found) | np.isnan(found))
    return found


def _total(values: Floats) -> Floats:
    found, lost = _sums(values)
    return found + lost


def _mean(values: Floats) -> Floats:
    found, lost = _sums(values)
    means = found / len(values) + lost / len(values)
    for at in np.flatnonzero(np.isinf(found)).tolist():
        means[at] = mean(values[:, at].tolist())
    return means


def _regression(samples: RangeSamples, origin_ms: int) -> tuple[Floats, Floats]:
    """Return slopes (a second) and the values at the origin, by least squares."""
    y, first, count = samples.values, samples.values[0], len(samples.values)
    x = (samples.times[:, np.newaxis] - origin_ms) / 1000
    sum_x, sum_y, sum_xy, sum_xx = (_total(one) for one in (x, y, x * y, x * x))
    covariance, spread = sum_xy - sum_x * sum_y / count, sum_xx - sum_x * sum_x / count
    slope = covariance / np.where(spread == 0, np.nan, spread)
    start = sum_y / count - slope * sum_x / count
    constant, endless = (y[1:] == first).all(axis=0), np.where(np.isinf(first), np.nan, 0.0)
    return np.where(constant, endless, slope), np.where(constant, first + endless, start)


def _deriv(samples: RangeSamples) -> Floats | None:
    return None if len(samples.times) <= 1 else _regression(samples, int(samples.times[0]))[0]


def predict_linear(samples: RangeSamples, seconds: float) -> Floats | None:
    """Return what the values will be in so many seconds, by least squares."""
    if len(samples.times) <= 1:
        return None
    slope, now = _regression(samples, samples.at_ms)
    return slope * seconds + now


def _changes(values: Floats) -> Floats:
    one, other = values[:-1], values[1:]
    return _counted((one != other) & ~(np.isnan(one) & np.isnan(other)))


def _counted(holds: Bools) -> Floats:
    found: Floats = holds.sum(axis=0, dtype=np.float64)
    return found


def _each(values: Floats, function: Callable[[Sequence[float]], float]) -> Floats:
    """Return what a function makes of each column."""
    return np.array([function(column) for column in values.T.tolist()], dtype=np.float64)


def quantile_over_time(samples: RangeSamples, q: float) -> Floats:
    """Return a quantile of the values."""
    return _each(samples.values, lambda column: quantile(q, column))


FUNCTIONS: Final[Mapping[str, RangeFunction]] = {
    "rate": lambda s: _extrapolated(s, counter=True, a_second=True),
    "increase": lambda s: _extrapolated(s, counter=True, a_second=False),
    "delta": lambda s: _extrapolated(s, counter=False, a_second=False),
    "irate": lambda s: _instant(s, rate=True),
    "idelta": lambda s: _instant(s, rate=False),
    "deriv": _deriv,
    "changes": lambda s: _changes(s.values),
    "resets": lambda s: _counted(s.values[1:] < s.values[:-1]),
    "avg_over_time": lambda s: _mean(s.values),
    "min_over_time": lambda s: _extreme(s.values, np.less, np.fmin),
    "max_over_time": lambda s: _extreme(s.values, np.greater, np.fmax),
    "sum_over_time": lambda s: _total(s.values),
    "count_over_time": lambda s: np.full(s.values.shape[1], float(len(s.values))),
    "stddev_over_time": lambda s: np.sqrt(_each(s.values, variance)),
    "stdvar_over_time": lambda s: _each(s.values, variance),
    "last_over_time": lambda s: s.values[-1],
    "present_over_time": lambda s: np.ones(s.values.shape[1]),
}
"""Those of one range and nothing else; None where there are too few samples."""

KEEP_NAME: Final = frozenset({"last_over_time"})
