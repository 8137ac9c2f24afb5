"""One metric of one source over time: ticks, brought together in columns when somebody looks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, TypeAlias

import numpy as np

from streamwatch.model.distinct import distinct
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys, Values, are_same
from streamwatch.promql.columns import Floats, Ints
from streamwatch.promql.series import STALE
from streamwatch.samples.shared_keys import KeySharing
from streamwatch.samples.ticks import Tick, TickChunk, Ticks, above, chunks, count, tick_bytes, times

KeyedValues: TypeAlias = tuple[Keys, Values]
"""Samples of one metric: label sets, and a value of each."""
_NOTHING: Final = np.zeros(0)
_WHOLE_CELLS: Final = 1 << 16
"""So many values, half a megabyte, are brought together without looking for ticks that a series cannot be in."""
_PIECE_SERIES: Final = 64
_CHUNK_TICKS: Final = 32
"""So many of the oldest become chunks, when there are twice as many."""


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Several keys made one."""

    parts: tuple[Keys, ...]
    keys: Keys
    taken: Ints
    """Which of the values of all parts, one after the other, are its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some series, and the ticks in which one of them may have a sample."""

    index: Ints | None
    """The series; None for all."""
    times: Ints
    """When the ticks were."""
    values: Floats
    """A row a tick, a column a series; stale where it has none."""


@dataclass(slots=True, eq=False)
class _Run:
    """Ticks that follow each other and have the same shared keys."""

    ticks: Ticks
    places: Ints
    """Where among all keys those of its own are that are wanted, ascending."""
    order: Ints
    """Which of the tick's values is at each of these places."""
    _values: Floats | None = None
    """A row a tick, a column a place, and one more that is stale; once they were wanted."""

    def rows(self, index: Ints) -> Floats:
        """Return the values of some series, a row a tick."""
        if self._values is None:
            self._values = above(self.ticks, self.order)
        at = np.minimum(np.searchsorted(self.places, index), len(self.places) - 1)
        found: Floats = self._values[:, np.where(self.places[at] == index, at, -1)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Ticks of one metric of one source, above each other."""

    keys: Keys
    """Of every series that one of them has."""
    ticks: Ticks
    places: Mapping[int, Ints | None] | None = None
    """Where in the keys those of a tick are, by the identity of its shared keys, None where they are the first ones;
    and None for all, where all ticks have values of all keys."""

    def pieces(self, index: Ints | None, weigh: Callable[[int], None] = lambda _: None) -> Iterator[Piece]:
        """Yield some series, or all, in pieces: of each the ticks in which it may have a sample.

        Where series come and go, most of them have a sample in few of many ticks: together they would take the product.

        Args:
            index: the series; None for all.
            weigh: is called with a number of values before they are brought together, and may object.

        """
        if self.places is None and len(self.ticks) == 1:
            (one,) = self.ticks
            weigh((len(self.keys) if index is None else len(index)) * len(one))
            yield Piece(index, times(self.ticks), one.rows(index))
            return
        cells = (len(self.keys) if index is None else len(index)) * count(self.ticks)
        if self.places is None or len(self.places) == 1 or cells <= _WHOLE_CELLS:
            weigh(cells)
            rows = [self._rows(one, index) for one in self.ticks]
            yield Piece(index, times(self.ticks), rows[0] if len(rows) == 1 else np.concatenate(rows))
            return
        wanted = np.arange(len(self.keys)) if index is None else index
        pieces = [(wanted[number * _PIECE_SERIES :][:_PIECE_SERIES], runs) for number, runs in self._runs(wanted)]
        # All of them at once: of a run all that is wanted is brought together with its first piece.
        weigh(sum(len(some) * sum(count(run.ticks) for run in runs) for some, runs in pieces))
        for some, runs in pieces:
            yield _piece(some, runs)

    def _runs(self, wanted: Ints) -> list[tuple[int, list[_Run]]]:
        """Return the pieces of those that are wanted, by number, each with the ticks that have a series of it."""
        piece_of = np.full(len(self.keys), -1)
        piece_of[wanted] = np.arange(len(wanted)) // _PIECE_SERIES
        found: dict[int, list[_Run]] = {}
        for _, ticks in groupby(self.ticks, lambda one: id(one.shared)):
            run = list(ticks)
            if run[0].shared is not None and self.places is not None:
                places = self.places[id(run[0].shared)]
                places = np.arange(len(self.keys)) if places is None else places
                own = np.flatnonzero(piece_of[places[: max(one.width for one in run)]] >= 0)
                order = own[np.argsort(places[own])]
                joined = _Run(run, places[order], order)
                for number in distinct(piece_of[joined.places]).tolist():
                    found.setdefault(number, []).append(joined)
        return sorted(found.items())

    def _rows(self, one: Tick | TickChunk, index: Ints | None) -> Floats:
        """Return the values of some series, or of all, a row a tick."""
        if self.places is None:
            return one.rows(index)
        rows = np.full((len(one), len(self.keys) if index is None else len(index)), STALE)
        if one.shared is None:
            return rows
        places = self.places[id(one.shared)]
        if index is None:
            rows[:, slice(one.width) if places is None else places[: one.width]] = one.rows()
            return rows
        own = index
        if places is not None:  # which of its own values those are
            where = np.full(len(self.keys), one.width)
            where[places[: one.width]] = np.arange(one.width)
            own = where[index]
        there = np.flatnonzero(own < one.width)
        rows[:, there] = one.rows(own[there])
        return rows


class Column:
    """One metric of one source."""

    __slots__ = ("_joined", "chunks", "fixed", "held", "series", "ticks")

    def __init__(self, fixed: Labels) -> None:
        self.fixed = fixed
        self.chunks: list[Tick | TickChunk] = []
        """Ticks of a while ago, in order; those that share nothing with their neighbours are there by themselves."""
        self.ticks: list[Tick] = []
        """Those since, in order; a list, of which there are many short ones, is a tenth of a deque."""
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
            self.held += tick_bytes(values) - tick_bytes(None)
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
        self.held += tick_bytes(None)
        if len(self.ticks) == 2 * _CHUNK_TICKS:
            before = self.chunks[-1] if self.chunks else None
            self.chunks += (made := list(chunks(self.ticks[: _CHUNK_TICKS + 1], before)))
            self._drop(_CHUNK_TICKS)
            self.held += sum(one.bytes for one in made)

    @property
    def is_over(self) -> bool:
        """Whether nothing is kept but that it has ended."""
        return not self.chunks and len(self.ticks) == 1

    def prune(self, before_ms: int) -> None:
        """Drop what is older, but for what was still true then; of a chunk, all or nothing."""
        old = 0
        while old < len(self.chunks) and self._start_after(old) <= before_ms:
            self.held -= self.chunks[old].bytes
            old += 1
        del self.chunks[:old]
        if not self.chunks:
            old = 0
            while old + 1 < len(self.ticks) and self.ticks[old + 1].at_ms <= before_ms:
                old += 1
            self._drop(old)

    def _start_after(self, number: int) -> int:
        """Return when the first tick after a chunk was."""
        return self.chunks[number + 1].first_ms if number + 1 < len(self.chunks) else self.ticks[0].at_ms

    def _drop(self, number: int) -> None:
        """Drop the first ticks; there are more."""
        for tick, following in pairwise(self.ticks[: number + 1]):
            is_last = tick.values is not following.values and tick.values is not _NOTHING
            self.held -= tick_bytes(tick.values if is_last else None)
        del self.ticks[:number]

    def newest(self, first_ms: int, last_ms: int) -> list[Tick]:
        """Return the last tick in a range of time, if there is one."""
        for tick in reversed(self.ticks):
            if tick.at_ms <= last_ms:
                return [tick] if tick.at_ms >= first_ms else []
        for chunk in reversed(self.chunks):
            if chunk.first_ms <= last_ms:
                tick = chunk.newest(last_ms)
                return [tick] if tick.at_ms >= first_ms else []
        return []

    def between(self, first_ms: int, last_ms: int) -> list[Tick | TickChunk]:
        """Return the ticks in a range of time."""
        old = (one for one in self.chunks if one.last_ms >= first_ms and one.first_ms <= last_ms)
        some = (one.between(first_ms, last_ms) for one in old)
        recent = (tick for tick in self.ticks if first_ms <= tick.at_ms <= last_ms)
        return [*(one for one in some if one is not None), *recent]

    def stacked(self, ticks: Ticks) -> "Stack | None":
        """Return ticks above each other; None where none has a series."""
        if len(ticks) == 1:  # as of most selectors of most rules
            (one,) = ticks
            if one.shared is None:
                return None
            keys = one.shared.keys
            return Stack(keys, ticks, None if one.width == len(keys) else {id(one.shared): None})
        lists = {id(one.shared): one.shared for one in ticks if one.shared is not None}
        if not lists:
            return None
        parts = [shared.keys for shared in lists.values()]
        if len(parts) == 1:
            are_whole = all(one.width == len(parts[0]) for one in ticks)
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


def _piece(index: Ints, runs: Sequence[_Run]) -> Piece:
    ticks = [one for run in runs for one in run.ticks]
    return Piece(index, times(ticks), np.concatenate([run.rows(index) for run in runs]))


def _own(values: Values) -> Values:
    """Return values that keep no larger array alive."""
    base = values.base
    return values if base is None or getattr(base, "nbytes", 0) <= values.nbytes else values.copy()
