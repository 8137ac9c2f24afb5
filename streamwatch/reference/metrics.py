"""What CloudWatch keeps: minute by minute a statistic set for each metric and its dimensions. Time is passed in.

A value belongs to the minute in which it was put. ``lateness`` lets CloudWatch show a minute late, half of its values
later than the other half, so that a point changes after it was first seen, as AWS's do.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60
RETENTION_SECONDS: Final = 15 * 24 * 3600
"""Points of one minute are kept for 15 days."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


@dataclass(slots=True)
class Statistics:
    """A statistic set."""

    count: float = 0.0
    sum: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float, count: float = 1.0) -> None:
        """Take a value, so many times."""
        self.count += count
        self.sum += value * count
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def merge(self, other: "Statistics") -> None:
        """Take everything that another one took."""
        self.count += other.count
        self.sum += other.sum
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    def statistic(self, name: str) -> float:
        """Return a statistic by CloudWatch's name; raises KeyError for one that is unknown."""
        return {
            "SampleCount": self.count,
            "Sum": self.sum,
            "Average": self.sum / self.count if self.count else 0.0,
            "Minimum": self.least,
            "Maximum": self.most,
        }[name]


@dataclass(slots=True)
class Realism:
    """How CloudWatch lags behind: all of it off until it is switched on."""

    lateness: float = 0.0
    """Seconds after its end at which a minute is complete; half of its values are there in half the time."""
    missing: float = 0.0
    """The share of points that never appear, the same ones each time."""
    listed_after: float = 0.0
    """Seconds until a new metric appears in ListMetrics (AWS: up to 900)."""


@dataclass(slots=True)
class _Series:
    unit: str
    first_at: float
    last_at: float
    minutes: dict[int, tuple[Statistics, Statistics]]
    """By the minute's start: what is seen early, and what is seen late."""
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """What identifies a series."""

    namespace: str
    name: str
    dimensions: Dimensions


class Metrics:
    """Every series of one account and region."""

    def __init__(self, minute: int = MINUTE) -> None:
        """Begin with nothing.

        Args:
            minute: how long a minute is; shorter, where a rehearsal is in a hurry.

        """
        self.realism = Realism()
        self.minute = minute
        self._series: dict[tuple[str, str, Dimensions], _Series] = {}

    def put(  # noqa: PLR0913, PLR0917 - CloudWatch's
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str, now: float, count: float = 1.0
    ) -> None:
        """Take a value, ``count`` times."""
        key = (namespace, name, dimensions)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(unit, now, now, {})
        minute = int(now) // self.minute * self.minute
        sets = series.minutes.get(minute)
        if sets is None:
            sets = series.minutes[minute] = (Statistics(), Statistics())
            self._forget(series, minute)
        series.last_at = now
        series.turn ^= 1
        sets[series.turn].add(value, count)

    def keys(self, now: float, active_within: float) -> Iterator[Key]:
        """Yield the series that ListMetrics shows: known for long enough, and with a value within so many seconds."""
        for (namespace, name, dimensions), series in self._series.items():
            if series.first_at + self.realism.listed_after <= now and now - series.last_at <= active_within:
                yield Key(namespace, name, dimensions)

    def unit(self, key: Key) -> str | None:
        """Return a series's unit; None where there is no such series."""
        series = self._series.get((key.namespace, key.name, key.dimensions))
        return None if series is None else series.unit

    def points(self, key: Key, start: float, end: float, period: int, now: float) -> list[tuple[int, Statistics]]:
        """Return the points that can be seen now, by the start of their period, the oldest first."""
        series = self._series.get((key.namespace, key.name, key.dimensions))
        found: dict[int, Statistics] = {}
        if series is None:
            return []
        for minute in sorted(series.minutes):
            if start <= minute < end and not self._is_missing(key, minute):
                for seen_after, part in zip((0.5, 1.0), series.minutes[minute], strict=True):
                    if part.count and minute + self.minute + seen_after * self.realism.lateness <= now:
                        found.setdefault(minute // period * period, Statistics()).merge(part)
        return sorted(found.items())

    def _is_missing(self, key: Key, minute: int) -> bool:
        if not self.realism.missing:
            return False
        digest = hashlib.blake2b(f"{key}{minute}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) < self.realism.missing * 2**32

    @staticmethod
    def _forget(series: _Series, minute: int) -> None:
        while series.minutes and next(iter(series.minutes)) < minute - RETENTION_SECONDS:
            del series.minutes[next(iter(series.minutes))]
