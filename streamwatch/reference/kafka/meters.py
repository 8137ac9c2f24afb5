"""Meters and histograms as Kafka's brokers have them (Yammer's): rates that decay, distributions over a sample."""

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Final

_TICK_SECONDS: Final = 5.0
_SAMPLE: Final = 1028
MINUTES: Final = (1, 5, 15)
PERCENTILES: Final = (50, 75, 95, 98, 99, 99.9)


class Meter:
    """Counts events; its rates are events a second."""

    __slots__ = ("_rates", "_started", "_ticked", "_uncounted", "count")

    def __init__(self, now: float) -> None:
        self.count: float = 0
        self._started = self._ticked = now
        self._uncounted: float = 0
        self._rates: list[float] | None = None

    def mark(self, number: float, now: float) -> None:
        """Count events, or seconds."""
        self._tick(now)
        self.count += number
        self._uncounted += number

    def _tick(self, now: float) -> None:
        while now - self._ticked >= _TICK_SECONDS:
            current = self._uncounted / _TICK_SECONDS
            self._uncounted = 0
            self._ticked += _TICK_SECONDS
            if self._rates is None:
                self._rates = [current] * len(MINUTES)
                continue
            for i, minutes in enumerate(MINUTES):
                alpha = 1 - math.exp(-_TICK_SECONDS / 60 / minutes)
                self._rates[i] += alpha * (current - self._rates[i])
            if max(self._rates) < 1e-12:  # noqa: PLR2004 - nothing: the ticks that are left change nothing
                self._ticked += (now - self._ticked) // _TICK_SECONDS * _TICK_SECONDS

    def rates(self, now: float) -> tuple[float, float, float]:
        """Return the decaying averages over 1, 5 and 15 minutes."""
        self._tick(now)
        one, five, fifteen = self._rates or (0.0, 0.0, 0.0)
        return one, five, fifteen

    def mean(self, now: float) -> float:
        """Return the average since the start."""
        return self.count / (now - self._started) if now > self._started else 0.0


class Histogram:
    """A distribution: count, mean, least and most of all values; percentiles of the last thousand."""

    __slots__ = ("_recent", "_squares", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self._squares = 0.0
        self._recent: deque[float] = deque(maxlen=_SAMPLE)

    def update(self, value: float) -> None:
        """Take a value."""
        self.count += 1
        self.total += value
        self._squares += value * value
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        self._recent.append(value)

    @property
    def mean(self) -> float:
        """Of all values; 0 where there are none, as the brokers say."""
        return self.total / self.count if self.count else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of all values."""
        if self.count < 2:  # noqa: PLR2004 - of one value there is none
            return 0.0
        return math.sqrt(max(0.0, (self._squares - self.total * self.total / self.count) / (self.count - 1)))

    def percentiles(self) -> Mapping[float, float]:
        """Return the values at 50, 75, 95, 98, 99 and 99.9 percent."""
        if len(self._recent) < 2:  # noqa: PLR2004 - nothing to cut
            return dict.fromkeys(PERCENTILES, self._recent[0] if self._recent else 0.0)
        cuts = statistics.quantiles(self._recent, n=1000, method="inclusive")
        return {one: cuts[int(one * 10) - 1] for one in PERCENTILES}
