"""What was said, for as long as rules and queries look back: in columns, 8 bytes a sample, times shared.

One source's samples of one moment are a tick, as a scrape is to Prometheus: a series that is not among them has ended
with it. Arrays that did not change are kept once.

Ticks are kept by a time that no jump of the wall clock moves; who asks and who is answered goes by the wall clock, as
far as the rules have followed it. So a jump moves the whole past with it, at once and for all who look.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.core.clock import SteadyClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys, Samples, Values
from streamwatch.promql.columns import Block, Floats, Ints, KeyIndex, Rows, keyed
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import STALE, Element

MINUTE_MS: Final = 60_000
_MOST_UNIONS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Tick:
    """What one source said of one metric at a time; without keys, nothing any more."""

    at: int
    keys: Keys | None
    values: Values


_NOTHING: Final = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """Ticks of one metric of one source, above each other."""

    keys: Keys
    """Of every series that one of them speaks of."""
    ticks: Sequence[_Tick]
    places: Mapping[int, Ints] | None = None
    """Where in the keys those of a tick are, by the identity of the tick's; None where they are the same."""

    @property
    def times(self) -> Ints:
        """When they were."""
        return np.array([tick.at for tick in self.ticks], dtype=np.int64)

    def values(self, index: Ints | None) -> Floats:
        """Return the values of some series, or of all: a row a time."""
        return np.stack([self._row(tick) if index is None else self._row(tick)[index] for tick in self.ticks])

    def _row(self, tick: _Tick) -> Values:
        if self.places is None:
            return tick.values
        row = np.full(len(self.keys), STALE)
        if tick.keys is not None:
            row[self.places[id(tick.keys)]] = tick.values
        return row


class _Column:
    """One metric of one source."""

    def __init__(self, fixed: Labels) -> None:
        self.fixed = fixed
        self.ticks: deque[_Tick] = deque()
        self.held = 0
        """Bytes of the values of all ticks; arrays that did not change are kept once."""
        self._joined: tuple[tuple[Keys, ...], Keys, Ints] | None = None
        self._unions: dict[tuple[int, ...], tuple[list[Keys], Keys, list[Ints]]] = {}

    @property
    def series(self) -> int:
        """How many series there are now."""
        keys = self.ticks[-1].keys if self.ticks else None
        return 0 if keys is None else len(keys)

    def append(self, at: int, said: Sequence[tuple[Keys, Values]], horizon_ms: int) -> None:
        """Add a tick; drop those that nobody looks back to."""
        keys, values = said[0] if len(said) == 1 else self._join(said)
        last = self.ticks[-1] if self.ticks else None
        if last is not None and last.keys is not None:
            if last.keys is not keys and last.keys.names == keys.names and last.keys.rows == keys.rows:
                keys = last.keys  # what was found out about them is kept
            if last.keys is keys and _equal(last.values, values):
                values = last.values
        if last is None or values is not last.values:
            self.held += values.nbytes
        self.ticks.append(_Tick(at, keys, values))
        self.prune(at - horizon_ms)

    def end(self, at: int) -> None:
        """Note that nothing is said any more."""
        if self.ticks[-1].keys is not None:
            self.ticks.append(_Tick(at, None, _NOTHING))

    def prune(self, before: int) -> None:
        """Drop what is older, but for what was still true then."""
        while len(self.ticks) > 1 and self.ticks[1].at <= before:
            gone = self.ticks.popleft()
            if gone.values is not self.ticks[0].values:
                self.held -= gone.values.nbytes

    def newest(self, first: int, last: int) -> list[_Tick]:
        """Return the last tick in a range of time, if there is one."""
        for tick in reversed(self.ticks):
            if tick.at <= last:
                return [tick] if tick.at >= first else []
        return []

    def between(self, first: int, last: int) -> list[_Tick]:
        """Return the ticks in a range of time."""
        return [tick for tick in self.ticks if first <= tick.at <= last]

    def stacked(self, ticks: Sequence[_Tick]) -> "_Stack | None":
        """Return ticks above each other; None where nothing was said."""
        spoken = {id(tick.keys): tick.keys for tick in ticks if tick.keys is not None}
        if not spoken:
            return None
        if len(spoken) == 1 and all(tick.keys is not None for tick in ticks):
            return _Stack(next(iter(spoken.values())), ticks)
        keys, places = self._union(list(spoken.values()))
        return _Stack(keys, ticks, dict(zip(spoken, places, strict=True)))

    def _join(self, said: Sequence[tuple[Keys, Values]]) -> tuple[Keys, Values]:
        """Make one of what came in several; of a series that comes twice, the first counts."""
        parts = tuple(keys for keys, _ in said)
        if self._joined is None or self._joined[0] != parts:
            rows: dict[tuple[str, ...], int] = {}
            at = 0
            for keys in parts:
                for row in keys.rows:
                    rows.setdefault(row, at)
                    at += 1
            self._joined = parts, Keys(parts[0].names, tuple(rows)), np.array(list(rows.values()), dtype=np.int64)
        return self._joined[1], np.concatenate([values for _, values in said])[self._joined[2]]

    def _union(self, spoken: list[Keys]) -> tuple[Keys, list[Ints]]:
        """Return keys that hold all these, and where in them each one's rows are."""
        if len(spoken) == 1:
            return spoken[0], [np.arange(len(spoken[0]))]
        asked = tuple(id(keys) for keys in spoken)
        known = self._unions.get(asked)
        if known is None:
            if len(self._unions) >= _MOST_UNIONS:
                self._unions.clear()
            rows: dict[tuple[str, ...], int] = {}
            names = spoken[-1].names
            for keys in reversed(spoken):
                for row in _in_order(keys, names):
                    rows.setdefault(row, len(rows))
            places = [np.array([rows[row] for row in _in_order(keys, names)], dtype=np.int64) for keys in spoken]
            known = self._unions[asked] = spoken, Keys(names, tuple(rows)), places
        return known[1:]


def _in_order(keys: Keys, names: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Return the rows with their labels in this order; a label that the keys do not have is empty."""
    if keys.names == names:
        return keys.rows
    own = {name: at for at, name in enumerate(keys.names)}
    return [tuple(row[own[name]] if name in own else "" for name in names) for row in keys.rows]


class History:
    """The samples of the last minutes, as a Prometheus would hold them. May be used from any thread."""

    def __init__(self, fixed: Mapping[str, str] | None = None, keep_ms: int = MINUTE_MS) -> None:
        """Begin with nothing.

        Args:
            fixed: labels that every series gets, as from a scrape: ``job``, ``instance``.
            keep_ms: how long to keep what no rule looks back to.

        """
        self.index = KeyIndex()
        """Answers about keys."""
        self._fixed = dict(fixed or {})
        self._keep_ms = keep_ms
        self._needs: Mapping[str, int] = {}
        self._lock = threading.Lock()
        self._columns: dict[str, dict[str, _Column]] = {}
        """By metric and source, in the order in which sources first spoke."""
        self._said: dict[str, set[str]] = {}
        """The metrics of each source."""
        self._shadows: dict[str, tuple[tuple[Keys, ...], list[Ints | None]]] = {}
        self._last: dict[str, int] = {}
        self._series = self._held = 0
        """Of all columns together: series that there are now, and bytes."""
        self._clock: SteadyClock | None = None

    def follow(self, clock: SteadyClock) -> None:
        """Let the past move with the wall clock, whenever this clock follows it."""
        self._clock = clock

    def need(self, horizons_ms: Mapping[str, int]) -> None:
        """Say how far rules look back, by metric."""
        with self._lock:
            self._needs = dict(horizons_ms)

    def append(self, source: str, samples: Sequence[Samples], at: float) -> int:
        """Add all that a source says at a time; what it said before and does not say now has ended.

        Returns:
            The time in milliseconds: a little later than given, where the source had already spoken then.

        """
        said: dict[str, list[tuple[Keys, Values]]] = {}
        for one in samples:
            said.setdefault(one.metric.name, []).append((one.keys, _marked(one.values)))
        told = {name: (some, self._fixed) for name, some in said.items()}
        return self._append(source, told, self._steady_ms(at)) + self._moved_ms

    def record(self, source: str, elements: Iterable[Element], at_ms: int) -> None:
        """Add what a rule says at a time: elements with all their labels, names included."""
        by_name: dict[str, list[Element]] = {}
        for labels, value in elements:
            by_name.setdefault(labels[NAME], []).append((labels, value))
        said: dict[str, tuple[list[tuple[Keys, Values]], Mapping[str, str]]] = {}
        for name, some in by_name.items():
            said[name] = ([(keyed([labels for labels, _ in some]), np.array([value for _, value in some]))], {})
        self._append(source, said, at_ms - self._moved_ms)

    def end(self, source: str, at: float) -> None:
        """Note that a source says nothing any more."""
        self._append(source, {}, self._steady_ms(at))

    def size(self) -> tuple[int, int]:
        """Return how many series there are now, and the bytes of all values that are kept."""
        with self._lock:
            return self._series, self._held

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
    ) -> Iterator[Block]:
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
            shadows: Sequence[Ints | None] = [None] * len(stacks)
            if sources is None:
                shadows = self._shadowed(name, tuple(stack.keys for _, stack in stacks))
            for (fixed, stack), shown in zip(stacks, shadows, strict=True):
                rows = known.select(stack.keys, fixed, matchers)
                if rows is not None:
                    rows = _shown(rows, shown)
                    if weigh is not None:
                        weigh(len(rows) * len(stack.ticks))
                    yield Block(rows, stack.times + moved if moved else stack.times, stack.values(rows.index))

    @property
    def _moved_ms(self) -> int:
        """How far what is asked and answered is ahead of what is kept."""
        return 0 if self._clock is None else round(self._clock.moved * 1000)

    def _steady_ms(self, at: float) -> int:
        """Return an instant of the wall clock as it is kept."""
        return round((at if self._clock is None else self._clock.without_jumps(at)) * 1000)

    def _named(self, matchers: Sequence[Matcher]) -> list[str]:
        """Return the metrics whose name matches."""
        about = [one for one in matchers if one.name == NAME]
        exact = next((one.value for one in about if one.op == "="), None)
        names = self._columns.keys() if exact is None else [exact] if exact in self._columns else []
        return [name for name in names if all(one.matches({NAME: name}) for one in about)]

    def _shadowed(self, name: str, spoken: tuple[Keys, ...]) -> list[Ints | None]:
        """Return which rows of each are nobody else's who spoke first; None for all."""
        if len(spoken) <= 1:
            return [None] * len(spoken)
        known = self._shadows.get(name)
        if known is None or known[0] != spoken:
            known = self._shadows[name] = spoken, _first_of_each(spoken)
        return known[1]

    def _append(
        self, source: str, said: Mapping[str, tuple[list[tuple[Keys, Values]], Mapping[str, str]]], at: int
    ) -> int:
        with self._lock:
            at = self._last[source] = max(at, self._last.get(source, -1) + 1)
            for name, (some, fixed) in said.items():
                columns = self._columns.setdefault(name, {})
                if source not in columns:
                    columns[source] = _Column(Labels({**fixed, NAME: name}))
                self._count(columns[source], -1)
                columns[source].append(at, some, self._horizon(name))
                self._count(columns[source], 1)
            known = self._said.setdefault(source, set())
            for name in known - said.keys():
                self._end(source, name, at)
            known.update(said)
            return at

    def _end(self, source: str, name: str, at: int) -> None:
        """Note that a source does not speak of a metric; forget it, when nobody looks back so far."""
        column = self._columns[name][source]
        self._count(column, -1)
        column.end(at)
        column.prune(at - self._horizon(name))
        self._count(column, 1)
        if len(column.ticks) == 1:
            self._said[source].discard(name)
            del self._columns[name][source]
            if not self._columns[name]:
                del self._columns[name]

    def _count(self, column: _Column, sign: int) -> None:
        """Add what a column holds to the whole, or take it away."""
        self._held += sign * column.held
        self._series += sign * column.series

    def _horizon(self, name: str) -> int:
        return max(self._keep_ms, self._needs.get(name, 0))


def _equal(one: Values, other: Values) -> bool:
    """Say whether the bits are the same: a stale marker is another NaN than a value's."""
    return np.array_equal(one.view(np.int64), other.view(np.int64))


def _marked(values: Values) -> Values:
    """Return values with a stale marker where one is not known."""
    unknown = np.isnan(values)
    return np.where(unknown, STALE, values) if unknown.any() else np.ascontiguousarray(values)


def _shown(rows: Rows, shown: Ints | None) -> Rows:
    if shown is None:
        return rows
    index = shown if rows.index is None else np.intersect1d(rows.index, shown, assume_unique=True)
    return Rows(rows.keys, rows.fixed, index)


def _first_of_each(spoken: Iterable[Keys]) -> list[Ints | None]:
    taken: set[frozenset[tuple[str, str]]] = set()
    found: list[Ints | None] = []
    for keys in spoken:
        own = [frozenset(pair for pair in zip(keys.names, row, strict=True) if pair[1]) for row in keys.rows]
        free = [at for at, one in enumerate(own) if one not in taken]
        taken.update(own)
        found.append(None if len(free) == len(own) else np.array(free, dtype=np.int64))
    return found
