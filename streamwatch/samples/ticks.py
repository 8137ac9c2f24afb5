"""Ticks: what one metric of one source was at a time; those of a while ago lie together in chunks.

A tick by itself takes 250 bytes besides its values, and its small array keeps a page of the heap from being given back
for as long as rules look back. In a chunk it takes 20.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from streamwatch.model.metric import Values
from streamwatch.promql.columns import Floats, Ints, missing
from streamwatch.promql.series import STALE
from streamwatch.samples.shared_keys import SharedKeys

_TICK_BYTES: Final = 72
"""Of a tick, with its place in the list."""
_ARRAY_BYTES: Final = 112
"""Of an array, besides its values."""
_MATRIX_BYTES: Final = 128
_CHUNK_BYTES: Final = 152
_MOST_CELLS: Final = 1 << 16
"""So many values, half a megabyte, are copied into one chunk at most; a tick with more stays by itself."""
_FEW: Final = 128
"""So few values are copied, even where the ticks before and after a chunk have the same."""
_SMALL: Final = 255
"""A chunk of integers below it, as most are (states, counts, numbers of brokers), has a byte a value; this is stale."""
_Small: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The samples of one metric of one source at a time; without keys, the source has none any more."""

    at_ms: int
    shared: SharedKeys | None
    values: Values
    """Of the first of the shared keys: those that are there besides came later."""

    @property
    def first_ms(self) -> int:
        """When it was."""
        return self.at_ms

    @property
    def last_ms(self) -> int:
        """When it was."""
        return self.at_ms

    @property
    def width(self) -> int:
        """Of how many of the shared keys it has values."""
        return len(self.values)

    @property
    def bytes(self) -> int:
        """What it takes by itself, where no other has its values."""
        return tick_bytes(self.values)

    def between(self, *_: int) -> "Tick":
        """Return it: whoever asks has seen that it was in the range of time."""
        return self

    def newest(self, _: int) -> "Tick":
        """Return it: it was before any time that is asked for."""
        return self

    def __len__(self) -> int:
        """One tick."""
        return 1

    def rows(self, index: Ints | None = None) -> Floats:
        """Return its values, or some of them, as one row."""
        return (self.values if index is None else self.values[index])[np.newaxis]


@dataclass(frozen=True, slots=True, eq=False)
class TickChunk:
    """Ticks that follow each other and have the same shared keys."""

    first_ms: int
    last_ms: int
    """When the first and the last of them were: every look at the past asks each chunk."""
    times: Ints
    """When they were, in milliseconds."""
    shared: SharedKeys | None
    different: Floats | _Small
    """A row for each that differs from the one before, a column for each of the first of the shared keys; stale where a
    tick has no value yet."""
    taken: npt.NDArray[np.int32] | None
    """Which of these rows each tick has; None where each has its own."""
    is_shared: bool = False
    """Whether its one row is also that of the tick that follows, which keeps it, too."""

    @property
    def width(self) -> int:
        """Of how many of the shared keys one of the ticks has values."""
        return int(self.different.shape[1])

    @property
    def bytes(self) -> int:
        """What it takes by itself."""
        taken = 0 if self.taken is None else _ARRAY_BYTES + self.taken.nbytes
        own = 0 if self.different.base is None else _ARRAY_BYTES
        rows = 0 if self.is_shared else own + self.different.nbytes
        return _CHUNK_BYTES + _ARRAY_BYTES + self.times.nbytes + _MATRIX_BYTES + rows + taken

    def __len__(self) -> int:
        """How many ticks there are."""
        return len(self.times)

    def rows(self, index: Ints | None = None) -> Floats:
        """Return the values, or some of each, a row a tick."""
        some = _floats(self.different if index is None else self.different[:, index])
        return some if self.taken is None else some[self.taken]

    def between(self, first_ms: int, last_ms: int) -> "TickChunk | None":
        """Return the ticks in a range of time, both ends included; None where there is none."""
        if first_ms <= self.first_ms and self.last_ms <= last_ms:
            return self
        start, end = self.times.searchsorted(first_ms), self.times.searchsorted(last_ms, side="right")
        if start == end:
            return None
        times, rows, taken = self.times[start:end], self.different, self.taken
        if taken is None:
            rows = rows[start:end]
        else:
            taken = taken[start:end]
        return TickChunk(int(times[0]), int(times[-1]), times, self.shared, rows, taken)

    def newest(self, last_ms: int) -> Tick:
        """Return the last tick up to a time; there must be one."""
        at = int(self.times.searchsorted(last_ms, side="right")) - 1
        row = at if self.taken is None else self.taken[at]
        return Tick(int(self.times[at]), self.shared, _floats(self.different[row]))


Ticks: TypeAlias = Sequence[Tick | TickChunk]
"""In order."""


def tick_bytes(values: Values | None) -> int:
    """Return what a tick takes, with its values where no other tick has the same."""
    return _TICK_BYTES + (0 if values is None else _ARRAY_BYTES + values.nbytes)


def chunks(ticks: Sequence[Tick], before: Tick | TickChunk | None) -> Iterator[Tick | TickChunk]:
    """Yield all ticks but the last, which follows them, as chunks; one that would be a chunk of its own stays a tick.

    Values that several ticks have are there once: they are copied only where they are few.

    Args:
        ticks: in order.
        before: what there is before them.

    """
    several = {id(one.values) for one, after in pairwise(ticks) if one.values is after.values and one.width > _FEW}
    if isinstance(before, TickChunk) and before.is_shared:
        several.add(id(ticks[0].values))
    at = 0
    for (_, is_kept), same in groupby(
        ticks[:-1], lambda tick: (id(tick.shared), id(tick.values) if id(tick.values) in several else 0)
    ):
        run = list(same)
        most = len(run) if is_kept else max(1, _MOST_CELLS // max(1, *(tick.width for tick in run)))
        for start in range(0, len(run), most):
            some = run[start : start + most]
            at += len(some)
            is_shared = bool(is_kept) and ticks[at].values is some[0].values
            yield some[0] if len(some) == 1 and not is_shared else _chunk(some, is_shared=is_shared)


def count(ticks: Ticks) -> int:
    """Return how many there are."""
    return sum(map(len, ticks))


def times(ticks: Ticks) -> Ints:
    """Return when they were."""
    if all(isinstance(one, Tick) for one in ticks):
        return np.array([one.first_ms for one in ticks], dtype=np.int64)
    return np.concatenate([one.times if isinstance(one, TickChunk) else [one.at_ms] for one in ticks])


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


def _chunk(ticks: Sequence[Tick], *, is_shared: bool) -> TickChunk:
    """Make one of ticks with the same shared keys."""
    different: list[Values] = []
    taken = []
    for tick in ticks:
        if not different or tick.values is not different[-1]:
            different.append(tick.values)
        taken.append(len(different) - 1)
    rows: Floats | _Small
    if len(different) == 1 and len(different[0]) > _FEW:
        rows = different[0][np.newaxis]
    else:
        whole = np.full((len(different), max(map(len, different))), STALE)
        for row, values in zip(whole, different, strict=True):
            row[: len(values)] = values
        rows = _packed(whole)
    places = None if len(different) == len(ticks) else np.array(taken, dtype=np.int32)
    return TickChunk(ticks[0].at_ms, ticks[-1].at_ms, times(ticks), ticks[0].shared, rows, places, is_shared)


def _packed(values: Floats) -> Floats | _Small:
    """Return values as bytes, where that loses nothing."""
    stale = missing(values)
    with np.errstate(invalid="ignore"):  # a stale marker is no number to compare
        if not (((values >= 0) & (values < _SMALL) & ~np.signbit(values)) | stale).all():
            return values
        found: _Small = np.where(stale, _SMALL, values).astype(np.uint8)
        return found if ((found == values) | stale).all() else values


def _floats(values: Floats | _Small) -> Floats:
    """Return values as they were before they were bytes."""
    found: Floats = np.asarray(values, dtype=np.float64)
    if found is not values:
        found[values == _SMALL] = STALE
    return found
