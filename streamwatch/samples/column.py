"""One metric of one source over time: ticks, brought together in columns when somebody looks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys, Values, are_same
from streamwatch.promql.columns import Floats, Ints
from streamwatch.promql.series import STALE

KeyedValues: TypeAlias = tuple[Keys, Values]
"""Samples of one metric: label sets, and a value of each."""
_MOST_UNIONS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The samples of one metric of one source at a time; without keys, the source has none any more."""

    at_ms: int
    keys: Keys | None
    values: Values


_NOTHING: Final = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Several keys made one."""

    parts: tuple[Keys, ...]
    keys: Keys
    taken: Ints
    """Which of the values of all parts, one after the other, are its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Union:
    """Keys that hold those of several ticks."""

    parts: list[Keys]
    keys: Keys
    places: list[Ints]
    """Where in the keys the rows of each part are."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Ticks of one metric of one source, above each other."""

    keys: Keys
    """Of every series that one of them has."""
    ticks: Sequence[Tick]
    places: Mapping[int, Ints] | None = None
    """Where in the keys those of a tick are, by the identity of the tick's; None where they are the same."""

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
        row = np.full(len(self.keys), STALE)
        if tick.keys is not None:
            row[self.places[id(tick.keys)]] = tick.values
        return row


class Column:
    """One metric of one source."""

    __slots__ = ("_joined", "_unions", "fixed", "held", "ticks")

    def __init__(self, fixed: Labels) -> None:
        self.fixed = fixed
        self.ticks: list[Tick] = []
        """In order; a list, of which there are many short ones, is a tenth of a deque."""
        self.held = 0
        """Bytes of the values of all ticks; arrays that did not change are kept once."""
        self._joined: _Joined | None = None
        self._unions: dict[tuple[int, ...], _Union] | None = None
        """By the identities of the keys; None while there were none."""

    @property
    def series(self) -> int:
        """How many series there are now."""
        keys = self.ticks[-1].keys if self.ticks else None
        return 0 if keys is None else len(keys)

    def append(self, at_ms: int, parts: Sequence[KeyedValues], horizon_ms: int) -> None:
        """Add a tick; drop those that nobody looks back to."""
        keys, values = parts[0] if len(parts) == 1 else self._join(parts)
        if not len(keys):
            self._append_nothing(at_ms)
            self.prune(at_ms - horizon_ms)
            return
        last = self.ticks[-1] if self.ticks else None
        if last is not None and last.keys is not None:
            if last.keys is not keys and last.keys.names == keys.names and last.keys.rows == keys.rows:
                keys = last.keys  # what is known of them stays
            if last.keys is keys and are_same(last.values, values):
                values = last.values
        if last is None or values is not last.values:
            self.held += values.nbytes
        self.ticks.append(Tick(at_ms, keys, values))
        self.prune(at_ms - horizon_ms)

    def end(self, at_ms: int) -> None:
        """Note that the source has no samples of the metric any more."""
        self._joined = None
        self._append_nothing(at_ms)

    def _append_nothing(self, at_ms: int) -> None:
        """Note that there is no series; once, however often: who looks for samples looks at nothing then."""
        if not self.ticks or self.ticks[-1].keys is not None:
            self.ticks.append(Tick(at_ms, None, _NOTHING))

    def prune(self, before_ms: int) -> None:
        """Drop what is older, but for what was still true then."""
        count = 0
        while count + 1 < len(self.ticks) and self.ticks[count + 1].at_ms <= before_ms:
            if self.ticks[count].values is not self.ticks[count + 1].values:
                self.held -= self.ticks[count].values.nbytes
            count += 1
        del self.ticks[:count]

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
        by_identity = {id(tick.keys): tick.keys for tick in ticks if tick.keys is not None}
        if not by_identity:
            return None
        if len(by_identity) == 1 and all(tick.keys is not None for tick in ticks):
            return Stack(next(iter(by_identity.values())), ticks)
        union = self._union(list(by_identity.values()))
        return Stack(union.keys, ticks, dict(zip(by_identity, union.places, strict=True)))

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

    def _union(self, parts: list[Keys]) -> _Union:
        """Return keys that hold all these, and where in them each one's rows are."""
        if len(parts) == 1:
            return _Union(parts, parts[0], [np.arange(len(parts[0]))])
        identities = tuple(id(keys) for keys in parts)
        if self._unions is None:
            self._unions = {}
        known = self._unions.get(identities)
        if known is None:
            if len(self._unions) >= _MOST_UNIONS:
                self._unions.clear()
            rows: dict[tuple[str, ...], int] = {}
            names = parts[-1].names
            for keys in reversed(parts):
                for row in _in_order(keys, names):
                    rows.setdefault(row, len(rows))
            places = [np.array([rows[row] for row in _in_order(keys, names)], dtype=np.int64) for keys in parts]
            known = self._unions[identities] = _Union(parts, Keys(names, tuple(rows)), places)
        return known


def _in_order(keys: Keys, names: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Return the rows with their labels in this order; a label that the keys do not have is empty."""
    if keys.names == names:
        return keys.rows
    own = {name: at for at, name in enumerate(keys.names)}
    return [tuple(row[own[name]] if name in own else "" for name in names) for row in keys.rows]
