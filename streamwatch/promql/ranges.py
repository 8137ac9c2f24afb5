"""Functions of a series' samples in a range of time: rates, differences, and what happened ``over_time``."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.promql.numbers import kahan, mean, total, variance


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in a range: no stale markers, at least one."""

    times: Sequence[int]
    values: Sequence[float]
    start_ms: int
    """Where the range begins (not included)."""
    end_ms: int
    """Where it ends."""
    at_ms: int
    """The time of evaluation."""


RangeFunction = Callable[[Samples], float | None]


def _extrapolated(samples: Samples, *, counter: bool, a_second: bool) -> float | None:
    """Return by how much a series changed in the range, as far as its samples let one tell about its ends."""
    times, values = samples.times, samples.values
    if len(values) <= 1:
        return None
    change = values[-1] - values[0]
    if counter:
        previous = values[0]
        for value in values[1:]:
            if value < previous:
                change += previous
            previous = value
    sampled = (times[-1] - times[0]) / 1000
    if sampled == 0:
        return None
    to_start, to_end = (times[0] - samples.start_ms) / 1000, (samples.end_ms - times[-1]) / 1000
    between = sampled / (len(values) - 1)
    to_start, to_end = extrapolation(to_start, between), extrapolation(to_end, between)
    if counter and change > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / change))
    factor = (sampled + to_start + to_end) / sampled
    if a_second:
        factor /= (samples.end_ms - samples.start_ms) / 1000
    return change * factor


def extrapolation(seconds: float, between: float) -> float:
    """Return how far a change goes on towards an end of the range that is so many seconds away.

    As far as that, where another sample might have come only after it: samples are ``between`` seconds apart.
    """
    return between / 2 if seconds >= between * 1.1 else seconds


def _instant(samples: Samples, *, rate: bool) -> float | None:
    """Return the change between the last two samples."""
    if len(samples.values) <= 1:
        return None
    before, last = samples.values[-2:]
    seconds = (samples.times[-1] - samples.times[-2]) / 1000
    if seconds == 0:
        return None
    change = last if rate and last < before else last - before
    return change / seconds if rate else change


def regression(samples: Samples, origin_ms: int) -> tuple[float, float]:
    """Return slope (a second) and the value at the origin, by least squares."""
    first = samples.values[0]
    constant = True
    count = 0.0
    x = y = xy = xx = x_lost = y_lost = xy_lost = xx_lost = 0.0
    for at, (time, value) in enumerate(zip(samples.times, samples.values, strict=True)):
        if constant and at > 0 and value != first:
            constant = False
        count += 1
        seconds = (time - origin_ms) / 1000
        x, x_lost = kahan(seconds, x, x_lost)
        y, y_lost = kahan(value, y, y_lost)
        xy, xy_lost = kahan(seconds * value, xy, xy_lost)
        xx, xx_lost = kahan(seconds * seconds, xx, xx_lost)
    if constant:
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    x, y, xy, xx = x + x_lost, y + y_lost, xy + xy_lost, xx + xx_lost
    covariance, spread = xy - x * y / count, xx - x * x / count
    slope = covariance / spread if spread else math.nan
    return slope, y / count - slope * x / count


def _deriv(samples: Samples) -> float | None:
    return None if len(samples.values) <= 1 else regression(samples, samples.times[0])[0]


def _changes(samples: Samples) -> float:
    pairs = zip(samples.values, samples.values[1:], strict=False)
    return float(sum(one != other and not (math.isnan(one) and math.isnan(other)) for one, other in pairs))


def _resets(samples: Samples) -> float:
    return float(sum(other < one for one, other in zip(samples.values, samples.values[1:], strict=False)))


def least(values: Sequence[float]) -> float:
    """Return the smallest; NaN only where there is nothing else."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def most(values: Sequence[float]) -> float:
    """Return the largest; NaN only where there is nothing else."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


FUNCTIONS: Final[Mapping[str, RangeFunction]] = {
    "rate": lambda s: _extrapolated(s, counter=True, a_second=True),
    "increase": lambda s: _extrapolated(s, counter=True, a_second=False),
    "delta": lambda s: _extrapolated(s, counter=False, a_second=False),
    "irate": lambda s: _instant(s, rate=True),
    "idelta": lambda s: _instant(s, rate=False),
    "deriv": _deriv,
    "changes": _changes,
    "resets": _resets,
    "avg_over_time": lambda s: mean(s.values),
    "min_over_time": lambda s: least(s.values),
    "max_over_time": lambda s: most(s.values),
    "sum_over_time": lambda s: total(s.values),
    "count_over_time": lambda s: float(len(s.values)),
    "stddev_over_time": lambda s: math.sqrt(variance(s.values)),
    "stdvar_over_time": lambda s: variance(s.values),
    "last_over_time": lambda s: s.values[-1],
    "present_over_time": lambda _: 1.0,
}
"""Those of one range and nothing else; None where there are too few samples."""

KEEP_NAME: Final = frozenset({"last_over_time"})


def predict_linear(samples: Samples, seconds: float) -> float | None:
    """Return what the value will be in so many seconds, by least squares."""
    if len(samples.values) <= 1:
        return None
    slope, now = regression(samples, samples.at_ms)
    return slope * seconds + now
