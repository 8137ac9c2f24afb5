"""Readers of streams and topics: from what is known of them to samples, the same for every kind."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.reader import METHODS, Assignment, Outcomes, Reader, ReadersSnapshot, RetryPolicy, Work

Row = tuple[str, ...]
_MOST_REASON: Final = 200
"""Characters of a service's words that a label holds."""
_OUTCOMES: tuple[tuple[Metric, Callable[[Outcomes], float | None]], ...] = (
    (r.CALLS, lambda one: one.calls),
    (r.FAILED_CALLS, lambda one: one.failed_calls),
    (r.REFUSED_CALLS, lambda one: one.refused_calls),
    (r.LOST_RECORDS, lambda one: one.lost_records),
    (r.SET_ASIDE_RECORDS, lambda one: one.set_aside_records),
    (r.FAILED_DELIVERIES, lambda one: one.failed_deliveries),
)


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
            self._pairs(r.STATE, [((*_row(one), _group_type(one), one.state), 1.0) for one in readers]),
            self._pairs(r.LAST_RESULT, [((*_row(one), one.last_result), 1.0) for one in readers if one.last_result]),
            self._pairs(r.RETRY_POLICY, [((*_row(one), *_policy(one.retries)), 1.0) for one in readers if one.retries]),
            self._pairs(r.LAG_METHOD, [pair for one in readers for pair in _methods(one)]),
            self._pairs(r.LEASES, [pair for one in readers for pair in _leases(one)]),
            self._pairs(r.STANDING, [pair for one in readers for pair in _standing(one, now.taken_at)]),
            self._pairs(r.HOLE, [((*_row(one), shard), 1.0) for one in readers for shard in _holes(one) or ()]),
            self._pairs(a.TOPICS, [((*_row(one), one.topics), 1.0) for one in readers if one.topics]),
            self._pairs(a.TARGET, [((*_row(one), one.target), 1.0) for one in readers if one.target is not None]),
            self._pairs(a.REASON, [pair for one in readers for pair in _reason(one)]),
            self._pairs(r.READ_UNITS, units),
        ]

    def _columns(self, readers: Sequence[Reader]) -> list[Samples]:
        rows = [_row(one) for one in readers]
        return [
            self._column(r.UP, rows, map(_up, readers)),
            self._column(r.LAG, rows, [one.lag_seconds for one in readers]),
            self._column(r.BOUND, rows, [one.bound_seconds for one in readers]),
            self._column(r.TIME_TO_LOSS, rows, [_left(one, lambda left: max(0.0, left)) for one in readers]),
            self._column(r.LOST, rows, [_left(one, lambda left: max(0.0, -left)) for one in readers]),
            self._column(r.HOLES, rows, [None if (h := _holes(one)) is None else float(len(h)) for one in readers]),
            self._column(r.CONTENDED, rows, map(_assigned(lambda one: one.contended), readers)),
            self._column(r.OWNER_CHANGES, rows, map(_assigned(lambda one: one.owner_changes), readers)),
            self._column(r.WORKERS, rows, map(_assigned(lambda one: one.workers), readers)),
            self._column(r.LEADER, rows, map(_assigned(lambda one: one.has_leader), readers)),
            self._column(r.READ_CALLS_USE, rows, [one.calls_limit_ratio for one in readers]),
            *(self._column(metric, rows, map(_outcome(tell), readers)) for metric, tell in _OUTCOMES),
            self._column(r.LAG_RECORDS, rows, [one.lag_records for one in readers]),
            *(self._column(metric, rows, map(_worked(tell), readers)) for metric, tell in _WORK.items()),
        ]

    def _column(self, metric: Metric, rows: Sequence[Row], values: Iterable[float | None]) -> Samples:
        return metric.samples(self._keys.of(metric.labels, rows), np.array([*map(_or_nan, values)], dtype=np.float64))

    def _pairs(self, metric: Metric, pairs: Sequence[tuple[Row, float]]) -> Samples:
        keys = self._keys.of(metric.labels, [row for row, _ in pairs])
        return metric.samples(keys, np.array([value for _, value in pairs], dtype=np.float64))


def _row(one: Reader) -> Row:
    place = (one.stream or "", one.cluster or "", one.topic or "", one.group or "")
    return (one.account, one.region, *place, one.kind, one.name)


def _group_type(one: Reader) -> str:
    if one.kind != "lambda" or one.topic is None:
        return ""
    return "share" if one.is_share_group else "consumer"


def _policy(one: RetryPolicy) -> Row:
    attempts = "forever" if one.attempts is None else str(one.attempts)
    age = "forever" if one.record_age_seconds is None else f"{one.record_age_seconds:.0f}s"
    return (attempts, age, "true" if one.bisects else "false", one.destination)


def _outcome(tell: Callable[[Outcomes], float | None]) -> Callable[[Reader], float | None]:
    return lambda one: None if one.outcomes is None else tell(one.outcomes)


def _up(one: Reader) -> float | None:
    is_down = one.state in {"stopped", "disabled"}
    return None if one.state in {"unknown", "changing"} else float(not is_down)


def _assigned(tell: Callable[[Assignment], float | None]) -> Callable[[Reader], float | None]:
    return lambda one: None if one.assignment is None else tell(one.assignment)


def _worked(tell: Callable[[Work], float | None]) -> Callable[[Reader], float | None]:
    return lambda one: None if one.work is None else tell(one.work)


_WORK: Mapping[Metric, Callable[[Work], float | None]] = {
    a.FRESHNESS: lambda one: one.freshness_seconds,
    a.BUFFER: lambda one: one.buffer_seconds,
    a.SUCCESS: lambda one: one.success_ratio,
    a.BACKPRESSURED: lambda one: one.backpressured,
    a.RECORDS: lambda one: one.records,
    a.FAILED_RECORDS: lambda one: one.failed_records,
    a.TASKS: lambda one: one.tasks,
    a.FAILED_TASKS: lambda one: one.failed_tasks,
    a.RECORDS_PER_SECOND: lambda one: one.records_per_second,
    a.SOURCE_LAG: lambda one: one.source_lag_seconds,
    a.EXECUTIONS: lambda one: one.executions,
    a.FAILED_EXECUTIONS: lambda one: one.failed_executions,
    a.THROTTLED_EXECUTIONS: lambda one: one.throttled_executions,
    a.RESTARTS: lambda one: one.restarts,
    a.FAILED_CHECKPOINTS: lambda one: one.failed_checkpoints,
    a.CHECKPOINT: lambda one: one.checkpoint_seconds,
    a.DOWNTIME: lambda one: one.downtime_seconds,
    a.THROTTLED: lambda one: one.throttled_calls,
    a.FAILURES: lambda one: one.failures,
    a.AUTH_ERRORS: lambda one: one.auth_errors,
    a.OFFSET_SYNC_FAILURES: lambda one: one.offset_sync_failures,
    a.REACHABLE: lambda one: one.reachable,
    a.THROTTLE: lambda one: one.throttle_seconds,
    a.BYTES_PER_SECOND: lambda one: one.bytes_per_second,
    a.REFRESH_AGE: lambda one: one.refresh_age_seconds,
    a.REFRESH_GAP: lambda one: one.refresh_gap_seconds,
}


def _reason(one: Reader) -> list[tuple[Row, float]]:
    is_well = one.assignment is not None or one.state == "running" or (one.kind, one.state) == ("kcl", "unknown")
    return [] if is_well else [((*_row(one), one.reason[:_MOST_REASON]), 1.0)]


def _left(one: Reader, of: Callable[[float], float]) -> float | None:
    if one.retention_seconds is None or one.lag_seconds is None:
        return None
    return of(one.retention_seconds - one.lag_seconds)


def _holes(one: Reader) -> tuple[str, ...] | None:
    return None if one.assignment is None else one.assignment.holes


def _methods(one: Reader) -> list[tuple[Row, float]]:
    if one.assignment is None:
        return []
    counts = Counter(each.method for each in one.positions if each.part)
    return [((*_row(one), method), float(counts[method])) for method in METHODS]


def _leases(one: Reader) -> list[tuple[Row, float]]:
    if one.assignment is None:
        return []
    assignment = one.assignment
    states = {
        "renewed": assignment.renewed,
        "not_renewed": assignment.not_renewed,
        "free": assignment.free,
        "finished": assignment.finished,
        "zombie": assignment.zombies,
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
