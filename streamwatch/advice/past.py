"""The hours before, by the minute: what the sums are made of."""

import math
from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from streamwatch.archive.numbers import BY_NAME, ArchivedNumber, EntityKind
from streamwatch.archive.placing import Entity
from streamwatch.archive.rings import HIGH, LAST, LEVELS, Curve, Level
from streamwatch.model.metric import Metric, Values

Lookup = Callable[[ArchivedNumber, Entity, float], Curve | None]
"""As ``Archive.curve``."""

_HOUR, _DAY = LEVELS[:2]
DAY_MINUTES: Final = _DAY.steps
STEP_SECONDS: Final = float(_HOUR.seconds)
"""Of the last hour."""
NEEDED_HOURS: Final = 24.0
_ENOUGH: Final = 0.95
"""Of the minutes that are needed: a restart and a late CloudWatch leave gaps."""
_SMOOTH_MINUTES: Final = 5
_MINUTE: Final = 60.0


class PastHours:
    """Numbers over time, by steps of which the last one is over."""

    def __init__(self, lookup: Lookup, now: float) -> None:
        """Take where numbers are looked up, and what time it is."""
        self._lookup = lookup
        self.now = now

    def day(self, kind: EntityKind, metric: Metric, entity: Entity, of: Literal["high", "last"] = "high") -> Values:
        """Return the highest or last value of each minute of the last day; NaN where it was not known."""
        return self._steps(kind, metric, entity, _DAY, HIGH if of == "high" else LAST)

    def hour(self, kind: EntityKind, metric: Metric, entity: Entity) -> Values:
        """Return the last value of each step of ten seconds of the last hour; NaN where it was not known."""
        return self._steps(kind, metric, entity, _HOUR, LAST)

    def _steps(self, kind: EntityKind, metric: Metric, entity: Entity, level: Level, of: int) -> Values:
        steps = np.full(level.steps, math.nan)
        curve = self._lookup(BY_NAME[f"{kind}.{metric.name}"], entity, level.span_seconds)
        if curve is None or curve.seconds != level.seconds:
            return steps
        first = int(self.now // level.seconds) - level.steps
        places = curve.first_step + np.arange(curve.values.shape[1]) - first
        fits = (places >= 0) & (places < level.steps)
        steps[places[fits]] = curve.values[of, fits]
        return steps


def hours(known: Values) -> float:
    """Return of how many hours something is known."""
    return float(np.count_nonzero(~np.isnan(known))) * _MINUTE / 3600.0


def is_enough(known: Values) -> bool:
    """Say whether that is a day, but for gaps."""
    return hours(known) >= _ENOUGH * NEEDED_HOURS


def span(seconds: float) -> str:
    """Return a span of time in words."""
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def too_little(known: Values) -> str:
    """Return in words that it is not."""
    return f"not known yet: {span(hours(known) * 3600.0)} of history, needs {NEEDED_HOURS:.0f} h"


def smooth(values: Values) -> Values:
    """Return the mean of each minute and its four neighbours, of what is known: counters grow unevenly by minutes."""
    window = np.ones(_SMOOTH_MINUTES)
    is_known = ~np.isnan(values)
    counts = np.convolve(is_known.astype(np.float64), window, "same")
    sums = np.convolve(np.where(is_known, values, 0.0), window, "same")
    means: Values = np.divide(sums, counts, out=np.full(len(values), math.nan), where=counts > 0)
    return means


def p99(values: Values) -> float:
    """Return what 99 of 100 known minutes do not exceed; NaN where none is known."""
    known = values[~np.isnan(values)]
    return float(np.percentile(known, 99.0, method="inverted_cdf")) if len(known) else math.nan


def highest(values: Values) -> float:
    """Return the highest known value; NaN where none is known."""
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else math.nan
