"""One metric of one source over time: ticks, brought together in columns when somebody looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys, Values, are_same
from streamwatch.promql.columns import Floats, Ints
from streamwatch.promql.series import STALE
from streamwatch.samples.shared_keys import KeySharing, SharedKeys

KeyedValues: TypeAlias = tuple[Keys, Values]
"""Samples of one metric: label sets, and a value of each."""
_TICK_BYTES: Final = 72
"""Of a tick, with its place in the list."""
_ARRAY_BYTES: Final = 112
"""Of an array, besides its values."""


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The samples of one metric of one source at a time; without keys, the source has none any more."""

    at_ms: int
    shared: SharedKeys | None
    values: Values
    """Of the first of the shared keys: those that are there besides came later."""


_NOTHING: Final = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Several keys made one."""

    parts: tuple[Keys, ...]
    keys: Keys
    taken: Ints
    """Which of the values of all parts, one after the other, are its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Ticks of one metric of one source, above each other."""

    keys: Keys
    """Of every series that one of them has."""
    ticks: Sequence[Tick]
    places: Mapping[int, Ints | None] | None = None
    """Where in the keys those of a tick are, by the identity of its shared keys, None where they are the first ones;
    and None for all, where all ticks have values of all keys."""

    @property
    def times(self) -> Ints:
        """When they were."""
        return np.array([tick.at_ms for tick in self.ticks], dtype=np.int64)

    def values(self, index: Ints | None) -> Floats:
        """Return the values of some series, or of all: a row a time."""
        return np.stack([self._row(tick) if index is None else self._row(tick)[index] for tick in self.ticks])

    def _row(self, tick: Tick) -> Values:
        if self.places is None:
            return tick.values
        row, count = np.full(len(self.keys), STALE), len(tick.values)
        if tick.shared is not None:
            places = self.places[id(tick.shared)]
            row[slice(count) if places is None else places[:count]] = tick.values
        return row


class Column:
    """One metric of one source."""

    __slots__ = ("_joined", "fixed", "held", "series", "ticks")

    def __init__(self, fixed: Labels) -> None:
        self.fixed = fixed
        self.ticks: list[Tick] = []
        """In order; a list, of which there are many short ones, is a tenth of a deque."""
        self.held = 0
        """Bytes of all ticks with their values; arrays that did not change are kept once."""
        self.series = 0
        """How many series there are now."""
        self._joined: _Joined | None = None

    def append(self, at_ms: int, parts: Sequence[KeyedValues], sharing: KeySharing, horizon_ms: int) -> None:
        """Add a tick; drop those that nobody looks back to."""
        keys, values = parts[0] if len(parts) == 1 else self._join(parts)
        self.series = len(keys)
        if not len(keys):
            self._append_nothing(at_ms)
            self.prune(at_ms - horizon_ms)
            return
        last = self.ticks[-1] if self.ticks else None
        placed = sharing.place(keys, None if last is None else last.shared)
        values = placed.spread(values)
        if last is not None and last.shared is placed.shared and are_same(last.values, values):
            values = last.values
        else:
            values = _own(values)
            self.held += _array_bytes(values)
        self._add(Tick(at_ms, placed.shared, values))
        self.prune(at_ms - horizon_ms)

    def end(self, at_ms: int) -> None:
        """Note that the source has no samples of the metric any more."""
        self._joined, self.series = None, 0
        self._append_nothing(at_ms)

    def _append_nothing(self, at_ms: int) -> None:
        """Note that there is no series; once, however often: who looks for samples looks at nothing then."""
        if not self.ticks or self.ticks[-1].shared is not None:
            self._add(Tick(at_ms, None, _NOTHING))

    def _add(self, tick: Tick) -> None:
        self.ticks.append(tick)
        self.held += _TICK_BYTES

    def prune(self, before_ms: int) -> None:
        """Drop what is older, but for what was still true then."""
        count = 0
        while count + 1 < len(self.ticks) and self.ticks[count + 1].at_ms <= before_ms:
            values = self.ticks[count].values
            if values is not self.ticks[count + 1].values and values is not _NOTHING:
                self.held -= _array_bytes(values)
            count += 1
        del self.ticks[:count]
        self.held -= count * _TICK_BYTES

    def newest(self, first_ms: int, last_ms: int) -> list[Tick]:
        """Return the last tick in a range of time, if there is one."""
        for tick in reversed(self.ticks):
            if tick.at_ms <= last_ms:
                return [tick] if tick.at_ms >= first_ms else []
        return []

    def between(self, first_ms: int, last_ms: int) -> list[Tick]:
        """Return the ticks in a range of time."""
        return [tick for tick in self.ticks if first_ms <= tick.at_ms <= last_ms]

    def stacked(self, ticks: Sequence[Tick]) -> "Stack | None":
        """Return ticks above each other; None where none has a series."""
        lists = {id(tick.shared): tick.shared for tick in ticks if tick.shared is not None}
        if not lists:
            return None
        parts = [shared.keys for shared in lists.values()]
        if len(parts) == 1:
            are_whole = all(len(tick.values) == len(parts[0]) for tick in ticks)
            return Stack(parts[0], ticks, None if are_whole else dict.fromkeys(lists))
        union = next(reversed(lists.values())).union(parts)
        return Stack(union.keys, ticks, dict(zip(lists, union.places, strict=True)))

    def _join(self, parts: Sequence[KeyedValues]) -> KeyedValues:
        """Make one of what came in several; of a series that comes twice, the first counts."""
        all_keys = tuple(keys for keys, _ in parts)
        if self._joined is None or self._joined.parts != all_keys:
            rows: dict[tuple[str, ...], int] = {}
            for at, row in enumerate(row for keys in all_keys for row in keys.rows):
                rows.setdefault(row, at)
            keys = Keys(all_keys[0].names, tuple(rows))
            self._joined = _Joined(all_keys, keys, np.array(list(rows.values()), dtype=np.int64))
        return self._joined.keys, np.concatenate([values for _, values in parts])[self._joined.taken]


def _own(values: Values) -> Values:
    """Return values that keep no larger array alive."""
    base = values.base
    return values if base is None or getattr(base, "nbytes", 0) <= values.nbytes else values.copy()


def _array_bytes(values: Values) -> int:
    return _ARRAY_BYTES + values.nbytes
