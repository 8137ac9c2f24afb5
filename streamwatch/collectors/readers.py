"""Readers of streams: from what is known of them to samples, the same for every kind."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from streamwatch.catalogue import kinesis_readers as r
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.reader import METHODS, Assignment, Reader, ReadersSnapshot

Row = tuple[str, ...]


class ReaderCollector:
    """Makes the samples of the readers of one account."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: ReadersSnapshot) -> list[Samples]:
        """Return all samples; what is not known is NaN."""
        self._keys.turn()
        readers = now.readers or ()
        counts = Counter((one.account, one.region, one.kind) for one in readers)
        units = [((now.source, one.region, one.table), one.units) for one in now.units]
        return [
            self._pairs(r.READERS, [(row, float(count)) for row, count in sorted(counts.items())]),
            *self._columns(readers),
            self._pairs(r.STATE, [((*_row(one), one.state), 1.0) for one in readers]),
            self._pairs(r.LAG_METHOD, [pair for one in readers for pair in _methods(one)]),
            self._pairs(r.LEASES, [pair for one in readers for pair in _leases(one)]),
            self._pairs(r.STANDING, [pair for one in readers for pair in _standing(one, now.taken_at)]),
            self._pairs(r.HOLE, [((*_row(one), shard), 1.0) for one in readers for shard in _holes(one) or ()]),
            self._pairs(r.READ_UNITS, units),
        ]

    def _columns(self, readers: Sequence[Reader]) -> list[Samples]:
        keys = self._keys.of(r.READER, [_row(one) for one in readers])

        def column(metric: Metric, tell: Callable[[Reader], float | None]) -> Samples:
            values = [_or_nan(tell(one)) for one in readers]
            return metric.samples(keys, np.array(values, dtype=np.float64))

        return [
            column(r.UP, _up),
            column(r.LAG, lambda one: one.lag_seconds),
            column(r.BOUND, lambda one: one.bound_seconds),
            column(r.TIME_TO_LOSS, lambda one: _left(one, lambda left: max(0.0, left))),
            column(r.LOST, lambda one: _left(one, lambda left: max(0.0, -left))),
            column(r.HOLES, lambda one: None if (holes := _holes(one)) is None else float(len(holes))),
            column(r.CONTENDED, _assigned(lambda one: one.contended)),
            column(r.OWNER_CHANGES, _assigned(lambda one: one.owner_changes)),
            column(r.WORKERS, _assigned(lambda one: one.workers)),
            column(r.LEADER, _assigned(lambda one: one.has_leader)),
        ]

    def _pairs(self, metric: Metric, pairs: Sequence[tuple[Row, float]]) -> Samples:
        keys = self._keys.of(metric.labels, [row for row, _ in pairs])
        return metric.samples(keys, np.array([value for _, value in pairs], dtype=np.float64))


def _row(one: Reader) -> Row:
    return (one.account, one.region, one.stream or "", one.kind, one.name)


def _up(one: Reader) -> float | None:
    return None if one.state == "unknown" else float(one.state != "stopped")


def _assigned(tell: Callable[[Assignment], float | None]) -> Callable[[Reader], float | None]:
    return lambda one: None if one.assignment is None else tell(one.assignment)


def _left(one: Reader, of: Callable[[float], float]) -> float | None:
    if one.retention_seconds is None or one.lag_seconds is None:
        return None
    return of(one.retention_seconds - one.lag_seconds)


def _holes(one: Reader) -> tuple[str, ...] | None:
    return None if one.assignment is None else one.assignment.holes


def _methods(one: Reader) -> list[tuple[Row, float]]:
    if one.assignment is None:
        return []
    counts = Counter(each.method for each in one.positions)
    return [((*_row(one), method), float(counts[method])) for method in METHODS]


def _leases(one: Reader) -> list[tuple[Row, float]]:
    if one.assignment is None:
        return []
    told = one.assignment
    states = {
        "renewed": told.renewed,
        "not_renewed": told.not_renewed,
        "free": told.free,
        "finished": told.finished,
        "zombie": told.zombies,
    }
    return [((*_row(one), state), _or_nan(count)) for state, count in states.items()]


def _standing(one: Reader, now: float) -> list[tuple[Row, float]]:
    return [
        ((*_row(one), each.part), max(0.0, now - each.standing_since))
        for each in one.positions
        if each.standing_since is not None
    ]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
