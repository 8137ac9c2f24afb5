"""Ticks: what one metric of one source was at a time; those of a while ago lie together in chunks.

A tick by itself takes 250 bytes besides its values, and its small array keeps a page of the heap from being given back
for as long as rules look back. In a chunk it takes 20.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from streamwatch.model.metric import Values
from streamwatch.promql.columns import Floats, Ints
from streamwatch.promql.series import STALE
from streamwatch.samples.shared_keys import SharedKeys

_TICK_BYTES: Final = 72
"""Of a tick, with its place in the list."""
_ARRAY_BYTES: Final = 112
"""Of an array, besides its values."""
_CHUNK_BYTES: Final = 72
_MOST_CELLS: Final = 1 << 16
"""So many values, half a megabyte, are copied into one chunk at most; a tick with more is a chunk of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The samples of one metric of one source at a time; without keys, the source has none any more."""

    at_ms: int
    shared: SharedKeys | None
    values: Values
    """Of the first of the shared keys: those that are there besides came later."""

    @property
    def width(self) -> int:
        """Of how many of the shared keys it has values."""
        return len(self.values)

    def __len__(self) -> int:
        """One tick."""
        return 1

    def rows(self, index: Ints | None = None) -> Floats:
        """Return its values, or some of them, as one row."""
        return (self.values if index is None else self.values[index])[np.newaxis]


@dataclass(frozen=True, slots=True, eq=False)
class TickChunk:
    """Ticks that follow each other and have the same shared keys."""

    times: Ints
    """When they were, in milliseconds."""
    shared: SharedKeys | None
    different: Floats
    """A row for each that differs from the one before, a column for each of the first of the shared keys; stale where a
    tick has no value yet."""
    taken: npt.NDArray[np.int32] | None
    """Which of these rows each tick has; None where each has its own."""
    is_shared: bool = False
    """Whether its one row is also that of the tick that follows, which keeps it."""

    @property
    def width(self) -> int:
        """Of how many of the shared keys one of the ticks has values."""
        return int(self.different.shape[1])

    @property
    def bytes(self) -> int:
        """What it takes by itself."""
        taken = 0 if self.taken is None else _ARRAY_BYTES + self.taken.nbytes
        rows = 0 if self.is_shared else self.different.nbytes
        return _CHUNK_BYTES + 2 * _ARRAY_BYTES + self.times.nbytes + rows + taken

    def __len__(self) -> int:
        """How many ticks there are."""
        return len(self.times)

    def rows(self, index: Ints | None = None) -> Floats:
        """Return the values, or some of each, a row a tick."""
        some = self.different if index is None else self.different[:, index]
        return some if self.taken is None else some[self.taken]

    def between(self, first_ms: int, last_ms: int) -> "TickChunk":
        """Return the ticks in a range of time, both ends included."""
        start, end = self.times.searchsorted(first_ms), self.times.searchsorted(last_ms, side="right")
        if end - start == len(self.times):
            return self
        if self.taken is None:
            return TickChunk(self.times[start:end], self.shared, self.different[start:end], None)
        return TickChunk(self.times[start:end], self.shared, self.different, self.taken[start:end])

    def newest(self, last_ms: int) -> Tick:
        """Return the last tick up to a time; there must be one."""
        at = int(self.times.searchsorted(last_ms, side="right")) - 1
        row = at if self.taken is None else self.taken[at]
        return Tick(int(self.times[at]), self.shared, self.different[row])


Ticks: TypeAlias = Sequence[Tick | TickChunk]
"""In order; chunks come before single ticks."""


def tick_bytes(values: Values | None) -> int:
    """Return what a tick takes, with its values where no other tick has the same."""
    return _TICK_BYTES + (0 if values is None else _ARRAY_BYTES + values.nbytes)


def chunks(ticks: Sequence[Tick]) -> Iterator[TickChunk]:
    """Yield all ticks but the last, which follows them, as chunks."""
    at = 0
    for _, same in groupby(ticks[:-1], lambda tick: id(tick.shared)):
        run = list(same)
        most = max(1, _MOST_CELLS // max(1, *(tick.width for tick in run)))
        for start in range(0, len(run), most):
            some = run[start : start + most]
            at += len(some)
            yield _chunk(some, ticks[at])


def count(ticks: Ticks) -> int:
    """Return how many there are."""
    return sum(map(len, ticks))


def times(ticks: Ticks) -> Ints:
    """Return when they were."""
    together = [one.times for one in ticks if isinstance(one, TickChunk)]
    single = np.array([one.at_ms for one in ticks if isinstance(one, Tick)], dtype=np.int64)
    return np.concatenate([*together, single]) if together else single


def above(ticks: Ticks, places: Ints) -> Floats:
    """Return the values of ticks at some places above each other, stale where one has none; and a stale column."""
    rows, most, at = np.full((count(ticks), len(places) + 1), STALE), places.max(), 0
    for one in ticks:
        some = rows[at : at + len(one), :-1]
        at += len(one)
        if most < one.width:
            some[:] = one.rows(places)
        else:
            there = places < one.width
            some[:, there] = one.rows(places[there])
    return rows


def _chunk(ticks: Sequence[Tick], following: Tick) -> TickChunk:
    """Make one of ticks with the same shared keys."""
    different: list[Values] = []
    taken = []
    for tick in ticks:
        if not different or tick.values is not different[-1]:
            different.append(tick.values)
        taken.append(len(different) - 1)
    places = None if len(different) == len(ticks) else np.array(taken, dtype=np.int32)
    if len(different) == 1:  # the array itself: where nothing changes it is there once, whatever the number of chunks
        rows, is_shared = different[0][np.newaxis], following.values is different[0]
        return TickChunk(times(ticks), ticks[0].shared, rows, places, is_shared)
    rows = np.full((len(different), max(map(len, different))), STALE)
    for row, values in zip(rows, different, strict=True):
        row[: len(values)] = values
    return TickChunk(times(ticks), ticks[0].shared, rows, places)
