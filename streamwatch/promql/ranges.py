"""Functions of samples in a range of time, of many series at once: rates, differences, what happened ``over_time``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from streamwatch.promql.columns import Bools, Floats, Ints
from streamwatch.promql.numbers import mean, quantile, variance
from streamwatch.promql.series import STALE


@dataclass(frozen=True, slots=True)
class RangeSamples:
    """Samples of series: of each at least one."""

    times: Ints
    values: Floats
    """A row a time, a column a series."""
    start_ms: int
    """Where the range begins (not included)."""
    end_ms: int
    """Where it ends."""
    at_ms: int
    """The time of evaluation."""
    there: Bools | None = None
    """Which values are samples; None for all: only the functions of ``WITH_GAPS`` are given others."""

    def filled(self, value: float) -> Floats:
        """Return the values, this one where there is no sample."""
        return self.values if self.there is None else np.where(self.there, self.values, value)

    @property
    def counts(self) -> Ints:
        """How many samples each series has."""
        if self.there is None:
            return np.full(self.values.shape[1], len(self.values))
        counts: Ints = self.there.sum(axis=0, dtype=np.int64)
        return counts

    def ends(self) -> tuple[Ints, Ints]:
        """Return the row of each series' first sample, and of its last."""
        if self.there is None:
            rows = np.zeros(self.values.shape[1], dtype=np.int64)
            return rows, rows + (len(self.values) - 1)
        return self.there.argmax(axis=0), len(self.there) - 1 - self.there[::-1].argmax(axis=0)

    def held(self) -> Floats:
        """Return the values, those before it where there is no sample; what was before the first is not a number."""
        if self.there is None:
            return self.values
        rows = np.where(self.there, np.arange(len(self.values))[:, np.newaxis], 0)
        held: Floats = np.take_along_axis(self.filled(np.nan), np.maximum.accumulate(rows, axis=0), axis=0)
        return held


RangeFunction: TypeAlias = Callable[[RangeSamples], Floats | None]
"""Gives a value of each series, a stale marker where it has too few samples, or None where all have."""


def _extrapolated(samples: RangeSamples, *, counter: bool, a_second: bool) -> Floats | None:
    """Return by how much series changed in the range, extrapolated to its ends as far as their samples allow."""
    first, last = samples.ends()
    enough = samples.times[first] < samples.times[last]
    if not enough.any():
        return None
    values, each = samples.values, np.arange(len(first))
    start, change = values[first, each], values[last, each] - values[first, each]
    if counter:
        _undo_resets(samples, change)
    begin, end = samples.times[first], samples.times[last]
    sampled = np.where(enough, end - begin, 1) / 1000
    between = sampled / np.maximum(samples.counts - 1, 1)
    starts = _extrapolation((begin - samples.start_ms) / 1000, between)
    if counter:
        rising = (change > 0) & (start >= 0)
        starts[rising] = np.minimum(starts[rising], sampled[rising] * (start[rising] / change[rising]))
    factor = (sampled + starts + _extrapolation((samples.end_ms - end) / 1000, between)) / sampled
    if a_second:
        factor /= (samples.end_ms - samples.start_ms) / 1000
    return np.where(enough, change * factor, STALE)


def _undo_resets(samples: RangeSamples, change: Floats) -> None:
    """Add to the changes what counters had when they began anew."""
    held = samples.held()
    falls = held[1:] < held[:-1]
    for at in np.flatnonzero(falls.any(axis=1)).tolist():
        change[falls[at]] += held[at][falls[at]]


def _extrapolation(seconds: Floats, between: Floats) -> Floats:
    """Return how far a change goes on towards an end of the range that is so many seconds away.

    As far as that, where another sample might have come only after it: samples are ``between`` seconds apart.
    """
    return np.where(seconds >= between * 1.1, between / 2, seconds)


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


def _mean(samples: RangeSamples) -> Floats:
    found, lost = _sums(samples.filled(0.0))
    means = found / samples.counts + lost / samples.counts
    for at in np.flatnonzero(np.isinf(found)).tolist():
        own = slice(None) if samples.there is None else samples.there[:, at]
        means[at] = mean(samples.values[own, at].tolist())
    return means


def _regression(samples: RangeSamples, origin_ms: int) -> tuple[Floats, Floats]:
    """Return slopes (a second) and the values at the origin, by least squares."""
    y, first, count = samples.values, samples.values[0], len(samples.values)
    x = (samples.times[:, np.newaxis] - origin_ms) / 1000
    sums = _total(np.concatenate((x, x * x, y, x * y), axis=1))  # at once: each goes row by row
    sum_x, sum_xx, (sum_y, sum_xy) = sums[0], sums[1], np.split(sums[2:], 2)
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


def _last(samples: RangeSamples) -> Floats:
    _, last = samples.ends()
    return samples.values[last, np.arange(len(last))]


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
    "avg_over_time": _mean,
    "min_over_time": lambda s: _extreme(s.filled(np.nan), np.less, np.fmin),
    "max_over_time": lambda s: _extreme(s.filled(np.nan), np.greater, np.fmax),
    "sum_over_time": lambda s: _total(s.filled(0.0)),
    "count_over_time": lambda s: s.counts.astype(np.float64),
    "stddev_over_time": lambda s: np.sqrt(_each(s.values, variance)),
    "stdvar_over_time": lambda s: _each(s.values, variance),
    "last_over_time": _last,
    "present_over_time": lambda s: np.ones(s.values.shape[1]),
}
"""Those of one range and nothing else; None where there are too few samples."""

WITH_GAPS: Final = frozenset(
    {"rate", "increase", "delta", "avg_over_time", "min_over_time", "max_over_time", "sum_over_time"}
    | {"count_over_time", "last_over_time", "present_over_time"}
)
"""Those that take series together that have samples at different times: where series come and go, each has its own."""

KEEP_NAME: Final = frozenset({"last_over_time"})
