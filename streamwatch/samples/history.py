"""Samples, for as long as rules and queries look back: in columns, 8 bytes a sample, times shared.

One source's samples of one moment are a tick, as a scrape is to Prometheus: a series that is not among them has ended
with it. Arrays that did not change are kept once.

Ticks are kept by a time that no jump of the wall clock moves; who asks and who is answered goes by the wall clock, as
far as the rules have followed it. So a jump moves the whole past with it, at once and for all who look.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.core.clock import SteadyClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys, Metric, Samples, Values
from streamwatch.promql.columns import Ints, KeyIndex, Rows, SeriesBlock, keyed
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import STALE, Element
from streamwatch.samples.column import Column, KeyedValues
from streamwatch.samples.shared_keys import KeySharing

MINUTE_MS: Final = 60_000
_FOREVER_MS: Final = 2**60


@dataclass(frozen=True, slots=True, eq=False)
class _MetricSamples:
    """The samples of one metric that a source appends at a time."""

    parts: list[KeyedValues]
    fixed: Mapping[str, str]
    """Labels of all of them besides."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shadows:
    """Which series of each source count, where several have the same."""

    keys: tuple[Keys, ...]
    counting: list[Ints | None]
    """Rows of each keys; None for all."""


class History:
    """The samples of the last minutes, as a Prometheus would hold them. May be used from any thread."""

    def __init__(
        self,
        fixed: Mapping[str, str] | None = None,
        keep_ms: int = MINUTE_MS,
        retained_ms: Mapping[str, int] | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            fixed: labels that every series gets, as from a scrape: ``job``, ``instance``.
            keep_ms: how long to keep what no rule looks back to.
            retained_ms: how long to keep some metrics at least, by name.

        """
        self.index = KeyIndex()
        """Answers about keys."""
        self._fixed = dict(fixed or {})
        self._keep_ms, self._retained_ms = keep_ms, dict(retained_ms or {})
        self._needs: Mapping[str, int] = {}
        self._lock = threading.Lock()
        self._columns: dict[str, dict[str, Column]] = {}
        """By metric and source, in the order in which sources came."""
        self._metrics: dict[str, set[str]] = {}
        """The metrics of each source."""
        self._sharing: dict[str, KeySharing] = {}
        """Of each source."""
        self._shadows: dict[str, _Shadows] = {}
        self._last_ms: dict[str, int] = {}
        """When each source appended last."""
        self._ended: set[str] = set()
        """Sources that have no samples any more, while somebody may still look back to those that they had."""
        self._swept_ms = 0
        self._series = self._held = 0
        """Of all columns together: series that there are now, and bytes without their label sets."""
        self._clock: SteadyClock | None = None

    def follow(self, clock: SteadyClock) -> None:
        """Let the past move with the wall clock, whenever this clock follows it."""
        self._clock = clock

    def need(self, horizons_ms: Mapping[str, int]) -> None:
        """Say how far rules look back, by metric."""
        with self._lock:
            self._needs = dict(horizons_ms)

    def append(self, source: str, samples: Sequence[Samples], at_seconds: float) -> int:
        """Add all samples of a source at a time; series that it had before and has not now have ended.

        Returns:
            The time in milliseconds: a little later than given, where the source had already appended then.

        """
        by_metric: dict[str, _MetricSamples] = {}
        for each in samples:
            known = by_metric.setdefault(each.metric.name, _MetricSamples([], self._fixed))
            known.parts.append((each.keys, _marked(each.values)))
        return self._append(source, by_metric, self._steady_ms(at_seconds)) + self._moved_ms

    def record(self, source: str, elements: Iterable[Element], at_ms: int) -> None:
        """Add the elements that a rule records at a time, with all their labels, names included."""
        by_name: dict[str, list[Element]] = {}
        for labels, value in elements:
            by_name.setdefault(labels[NAME], []).append((labels, value))
        by_metric: dict[str, _MetricSamples] = {}
        for name, rows in by_name.items():
            keys, values = keyed([labels for labels, _ in rows]), np.array([value for _, value in rows])
            by_metric[name] = _MetricSamples([(keys, values)], {})
        self._append(source, by_metric, at_ms - self._moved_ms)

    def end(self, source: str, at_seconds: float) -> None:
        """Note that a source has no samples any more."""
        self._append(source, {}, self._steady_ms(at_seconds))
        with self._lock:
            self._ended.add(source)

    def size(self) -> tuple[int, int]:
        """Return how many series there are now, and the bytes of all that is kept.

        That is values, times, label sets, and what was found out about these.
        """
        with self._lock:
            shared = sum(sharing.bytes for sharing in self._sharing.values())
            return self._series, self._held + shared + self.index.bytes

    def names(self) -> frozenset[str]:
        """Return the metrics that something is known of."""
        with self._lock:
            return frozenset(self._columns)

    def blocks(  # noqa: PLR0913 - what, from when until when, how
        self,
        matchers: Sequence[Matcher],
        first_ms: int,
        last_ms: int,
        *,
        newest: bool,
        index: KeyIndex | None = None,
        weigh: Callable[[int], None] | None = None,
        sources: Collection[str] | None = None,
    ) -> Iterator[SeriesBlock]:
        """Yield the series that match, with their samples in a range of time, both ends included.

        Nobody who writes, or decides, waits for more than the ticks of one metric to be listed.

        Args:
            matchers: what matches.
            first_ms: from when.
            last_ms: until when.
            newest: whether only the newest samples are wanted.
            index: answers about keys; those that are shared by default.
            weigh: is called with a number of samples before they are brought together, and may object.
            sources: of which sources only, none of which has a series of another; of all by default.

        """
        known = self.index if index is None else index
        moved = self._moved_ms
        first_ms, last_ms = first_ms - moved, last_ms - moved
        with self._lock:
            names = self._named(matchers)
        for name in names:
            with self._lock:
                by_source = self._columns.get(name, {})
                columns = by_source.values() if sources is None else [by_source[a] for a in sources if a in by_source]
                taken = [
                    (column, column.newest(first_ms, last_ms) if newest else column.between(first_ms, last_ms))
                    for column in columns
                ]
            stacks = [(column.fixed, stack) for column, ticks in taken if (stack := column.stacked(ticks)) is not None]
            counting: Sequence[Ints | None] = [None] * len(stacks)
            if sources is None:
                counting = self._counting(name, tuple(stack.keys for _, stack in stacks))
            for (fixed, stack), counts in zip(stacks, counting, strict=True):
                rows = known.select(stack.keys, fixed, matchers)
                if rows is not None:
                    rows = _only(rows, counts)
                    for piece in stack.pieces(rows.index, weigh or (lambda _: None)):
                        times = piece.times + moved if moved else piece.times
                        yield SeriesBlock(Rows(rows.keys, rows.fixed, piece.index), times, piece.values)

    def past(self, metric: Metric) -> Mapping[tuple[str, ...], list[tuple[float, float]]]:
        """Return all that is kept of a metric, by its labels: times in seconds since 1970, ascending, and values."""
        found: dict[tuple[str, ...], list[tuple[float, float]]] = {}
        matchers = [Matcher(NAME, "=", metric.name)]
        for block in self.blocks(matchers, -_FOREVER_MS, _FOREVER_MS, newest=False):
            for rows, times, values in block.whole():
                seconds = (times / 1000).tolist()
                for at, labels in enumerate(rows.labels()):
                    points = zip(seconds, values[:, at].tolist(), strict=True)
                    found.setdefault(tuple(labels.get(name, "") for name in metric.labels), []).extend(points)
        return {row: sorted(points) for row, points in found.items()}

    @property
    def _moved_ms(self) -> int:
        """How far what is asked and answered is ahead of what is kept."""
        return 0 if self._clock is None else round(self._clock.moved * 1000)

    def _steady_ms(self, at_seconds: float) -> int:
        """Return an instant of the wall clock as it is kept."""
        return round((at_seconds if self._clock is None else self._clock.without_jumps(at_seconds)) * 1000)

    def _named(self, matchers: Sequence[Matcher]) -> list[str]:
        """Return the metrics whose name matches."""
        about = [matcher for matcher in matchers if matcher.name == NAME]
        exact = next((matcher.value for matcher in about if matcher.op == "="), None)
        names = self._columns.keys() if exact is None else [exact] if exact in self._columns else []
        return [name for name in names if all(matcher.matches({NAME: name}) for matcher in about)]

    def _counting(self, name: str, keys: tuple[Keys, ...]) -> list[Ints | None]:
        """Return which rows of each source's keys no source before it has; None for all."""
        if len(keys) <= 1:
            return [None] * len(keys)
        known = self._shadows.get(name)
        if known is None or known.keys != keys:
            known = self._shadows[name] = _Shadows(keys, _first_of_each(keys))
        return known.counting

    def _append(self, source: str, by_metric: Mapping[str, _MetricSamples], at_ms: int) -> int:
        with self._lock:
            at_ms = self._last_ms[source] = max(at_ms, self._last_ms.get(source, -1) + 1)
            self._ended.discard(source)
            if at_ms - self._swept_ms >= MINUTE_MS:
                self._sweep(at_ms)
            sharing = self._sharing.setdefault(source, KeySharing())
            sharing.turn()
            for name, samples in by_metric.items():
                columns = self._columns.setdefault(name, {})
                if source not in columns:
                    columns[source] = Column(_shared(columns.values(), Labels({**samples.fixed, NAME: name})))
                self._count(columns[source], -1)
                columns[source].append(at_ms, samples.parts, sharing, self._horizon(name))
                self._count(columns[source], 1)
            known = self._metrics.setdefault(source, set())
            for name in known - by_metric.keys():
                self._end(source, name, at_ms)
            known.update(by_metric)
            return at_ms

    def _end(self, source: str, name: str, at_ms: int) -> None:
        """Note that a source has no samples of a metric; forget it, when nobody looks back so far."""
        column = self._columns[name][source]
        self._count(column, -1)
        column.end(at_ms)
        column.prune(at_ms - self._horizon(name))
        self._count(column, 1)
        if column.is_over:
            self._held -= column.held
            self._metrics[source].discard(name)
            del self._columns[name][source]
            if not self._columns[name]:
                del self._columns[name]

    def _sweep(self, at_ms: int) -> None:
        """Forget what sources that have ended had, when nobody looks back so far: no append of theirs does it.

        What was found out about keys, and nobody has asked for since the last time, goes with it.
        """
        self._swept_ms = at_ms
        for source in tuple(self._ended):
            for name in tuple(self._metrics[source]):
                self._end(source, name, at_ms)
            if not self._metrics[source]:
                self._ended.discard(source)
                del self._metrics[source], self._last_ms[source], self._sharing[source]
        for sharing in self._sharing.values():
            sharing.forget_unasked()
        self.index.forget_unasked()
        several = {name for name, by_source in self._columns.items() if len(by_source) > 1}
        self._shadows = {name: shadows for name, shadows in self._shadows.items() if name in several}

    def _count(self, column: Column, sign: int) -> None:
        """Add what a column holds to the whole, or take it away."""
        self._held += sign * column.held
        self._series += sign * column.series

    def _horizon(self, name: str) -> int:
        return max(self._keep_ms, self._retained_ms.get(name, 0), self._needs.get(name, 0))


def _shared(columns: Iterable[Column], fixed: Labels) -> Labels:
    """Return these labels: the object of a metric's other column, which has the same."""
    other = next(iter(columns), None)
    return other.fixed if other is not None and other.fixed == fixed else fixed


def _marked(values: Values) -> Values:
    """Return values with a stale marker where one is not known."""
    unknown = np.isnan(values)
    return np.where(unknown, STALE, values) if unknown.any() else np.ascontiguousarray(values)


def _only(rows: Rows, counting: Ints | None) -> Rows:
    if counting is None:
        return rows
    index = counting if rows.index is None else np.intersect1d(rows.index, counting, assume_unique=True)
    return Rows(rows.keys, rows.fixed, index)


def _first_of_each(parts: Iterable[Keys]) -> list[Ints | None]:
    taken: set[frozenset[tuple[str, str]]] = set()
    first: list[Ints | None] = []
    for keys in parts:
        own = [frozenset(pair for pair in zip(keys.names, row, strict=True) if pair[1]) for row in keys.rows]
        free = [at for at, labels in enumerate(own) if labels not in taken]
        taken.update(own)
        first.append(None if len(free) == len(own) else np.array(free, dtype=np.int64))
    return first
