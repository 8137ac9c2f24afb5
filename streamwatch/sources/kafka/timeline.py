"""When records were written, as far as brokers have answered ListOffsets by timestamp.

Asked for a timestamp T, a leader names the first record of a partition that is not older. Where that record stands
before an offset, some record before the offset is as young as T; where it stands at the offset or behind, none is. So
the answers fence in the timestamp that an offset has: that of its record, where records are in the order of their
timestamps, and else the highest up to there, which is how far the order is broken at most too young. ``Timeline``
keeps the answers, ``fence`` says what they tell of an offset, and ``question`` what to ask next.

Timestamps are milliseconds since 1970. Shapes: Q offsets that are asked about, each with the row of its partition.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.model.kafka import Bools, Float64s, Int64s
from streamwatch.sources.kafka.timestamps import Timestamp

NEVER: Final = -1
"""Instead of a timestamp: no record stands before the offset, as far as is known."""
NOBODY_KNOWS: Final = np.iinfo(np.int64).max
"""Instead of a timestamp: of no record at the offset, or behind, is it known."""
GRAIN: Final = 1000
"""A fence no wider than this is good enough, in ms."""
_MOST: Final = 64
"""Answers kept of one partition."""
_PAUSE: Final = 0.2
"""The share of a fence that must be without records, below the record above, to be taken for a pause."""
_MARGIN: Final = 0.01
"""How far beyond the estimate is asked, as a share of the fence: so the next answer is likely to be its other side."""
_HALVED: Final = 6
"""Every so many questions the fence is halved, whatever interpolation would ask."""
_IMPATIENT: Final = 12
"""After so many questions, every second time."""


@dataclass(frozen=True, slots=True, eq=False)
class Fence:
    """Between which timestamps each offset was written, and at which offsets they were found (Q each)."""

    below: Int64s
    """The youngest timestamp that some record before the offset has at least; ``NEVER``."""
    below_offset: Int64s
    above: Int64s
    """A timestamp such that no record before the offset is as young."""
    above_offset: Int64s
    above_at: Int64s
    """The timestamp of the record at ``above_offset``; ``NOBODY_KNOWS``."""
    is_tail: Bools
    """Whether of no record above is it known, but that none at all is as young as ``above``."""

    def __getitem__(self, which: Bools | Int64s) -> "Fence":
        """Return the fences of some offsets."""
        return Fence(
            self.below[which],
            self.below_offset[which],
            self.above[which],
            self.above_offset[which],
            self.above_at[which],
            self.is_tail[which],
        )

    def decided(self, offset: Int64s, gappy: Bools) -> tuple[Float64s, Int64s]:
        """Return the timestamp of each offset, as far as it is known, and within how many ms (0: to the millisecond).

        Args:
            offset: the offsets (Q).
            gappy: whether offsets of the partition may be without a record, as compaction leaves them (Q). There the
                next record that is younger than all before is taken for the first one. Elsewhere every offset has a
                record: if the next younger one is behind it, the one at the offset is no younger than those before.

        """
        seen = self.above_at < NOBODY_KNOWS
        first = self.below == NEVER
        exact = seen & ((self.above_offset == offset) | (first & (self.above <= 0)))
        jump = seen & gappy & ~first & (self.above - self.below <= 1)
        top = np.where(gappy & seen, self.above_at, self.above - 1)
        width = np.where(first, NOBODY_KNOWS, np.maximum(top - self.below, 0))
        share = (offset - self.below_offset) / np.maximum(self.above_offset - self.below_offset, 1)
        at = self.below + share * np.minimum(width, NOBODY_KNOWS - 1)
        at = np.where(exact | jump, self.above_at, at)
        nothing = first & ~seen & (self.above <= 0)
        at[nothing | (first & ~exact)] = np.nan
        return at, np.where(exact | jump | nothing, 0, width)

    def question(self, offset: Int64s, asked: Int64s, enough: Float64s, may_ask_largest: Bools) -> Int64s:
        """Return the timestamp to ask about next for each offset (Q), strictly within its fence.

        The first questions are for the oldest and the youngest record of all. Then interpolation, as if records came
        evenly, alternates with halving. Where a pause is seen before the record above, the end of what was written
        before the pause is looked for, from below.

        Args:
            offset: the offsets (Q).
            asked: how many questions were asked about the partition (Q).
            enough: how wide a fence is good enough, in ms (Q).
            may_ask_largest: whether the leader knows the question for the largest timestamp (Q).

        """
        low, high = self.below.astype(np.float64), self.above.astype(np.float64)
        width, turn = high - low, asked % 3
        at = np.where(self.above_at < NOBODY_KNOWS, self.above_at, self.above).astype(np.float64)
        spacing = (at - low) / np.maximum(self.above_offset - self.below_offset, 1)
        estimate = low + (offset - self.below_offset) * spacing
        margin = np.maximum(0.45 * enough, _MARGIN * width)
        near_above = self.above_offset - offset < offset - self.below_offset
        close, halfway = low + 0.95 * enough, low + width / 2
        between = low + np.sqrt(0.95 * enough * np.maximum(width, 0))
        guess = np.where(near_above, estimate - margin, estimate + margin)
        far = (spacing > GRAIN) & (estimate - low > enough / 2)
        guess = np.where(far, estimate - spacing / 2, guess)  # between the record and the one before
        guess = np.where(estimate >= high, np.where(asked % 2 == 0, halfway, close), guess)
        halve = np.where(asked < _IMPATIENT, asked % _HALVED == _HALVED - 1, asked % 2 == 1)
        guess = np.where(halve, halfway, guess)
        has_pause = at - high > _PAUSE * (at - low)
        guess = np.where(has_pause, np.select([turn == 0, turn == 1], [close, between], halfway), guess)
        guess = np.where(self.is_tail, np.select([turn == 0, turn == 1], [halfway, close], between), guess)
        guess = np.where(self.below_offset == offset - 1, low + 1, guess)
        guess = np.where(width <= enough, np.where(asked % 2 == 0, low + 1, halfway), guess)
        inside = np.clip(guess, low, high).astype(np.int64)
        inside = np.clip(inside, self.below + 1, np.maximum(self.above - 1, self.below + 1))
        largest = may_ask_largest & ~self.is_tail & (self.above_at == NOBODY_KNOWS)
        return np.where(self.below == NEVER, 0, np.where(largest, Timestamp.LARGEST, inside))


class Timeline:
    """The answers of all partitions, in the order of their rows and offsets."""

    def __init__(self) -> None:
        nothing = np.zeros(0, dtype=np.int64)
        self._row, self._offset, self._low, self._at = nothing, nothing, nothing, nothing

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._row)

    def fence(self, row: Int64s, offset: Int64s, ceiling_offset: Int64s, ceiling: Int64s, is_answer: Bools) -> Fence:
        """Return what is known of these offsets (Q).

        Args:
            row: of each partition.
            offset: what is asked about, at or below the ceiling.
            ceiling_offset: an offset of each partition before which no record is as young as its ``ceiling``.
            ceiling: that timestamp.
            is_answer: whether a broker has answered so, and not the clock (Q, as all of these).

        """
        place = self._place(row, offset)
        under = place - 1
        has_under = self._of(under, row)
        has_over = self._of(place, row)
        below = np.where(has_under, self._taken(self._at, under), NEVER)
        below_offset = np.where(has_under, self._taken(self._offset, under), 0)
        has_over &= self._taken(self._low, place) <= ceiling
        above = np.where(has_over, self._taken(self._low, place), ceiling)
        above_offset = np.where(has_over, self._taken(self._offset, place), ceiling_offset)
        above_at = np.where(has_over, self._taken(self._at, place), NOBODY_KNOWS)
        return Fence(below, below_offset, above, above_offset, above_at, ~has_over & is_answer)

    def add(self, row: Int64s, offset: Int64s, asked: Int64s, at: Int64s) -> None:
        """Keep answers: asked for a timestamp, a partition named the record at ``offset``, written ``at``.

        What an answer contradicts is dropped: records were deleted since, or the log is another one.
        Each row may be there once.
        """
        at = np.maximum(at, asked)
        place = self._place(row, offset)
        known = self._of(place, row) & (self._taken(self._offset, place) == offset)
        same = place[known]
        self._low[same] = np.minimum(self._low[same], asked[known])
        self._at[same] = np.maximum(self._at[same], at[known])
        order = np.lexsort((offset[~known], row[~known]))
        where = place[~known][order]
        fresh = np.zeros(len(self._row), dtype=bool)
        fresh[same] = True
        fresh = np.insert(fresh, where, True)
        self._row = np.insert(self._row, where, row[~known][order])
        self._offset = np.insert(self._offset, where, offset[~known][order])
        self._low = np.insert(self._low, where, asked[~known][order])
        self._at = np.insert(self._at, where, at[~known][order])
        while len(self._row) > 1:
            wrong = (self._row[1:] == self._row[:-1]) & (self._at[:-1] >= self._low[1:])
            if not wrong.any():
                return
            stale = np.zeros(len(self._row), dtype=bool)
            stale[:-1] |= wrong & ~fresh[:-1]
            stale[1:] |= wrong & ~fresh[1:]
            if not stale.any():
                return
            self._keep(~stale)
            fresh = fresh[~stale]

    def renumber(self, rows: Int64s) -> None:
        """Follow another topology: ``rows`` gives the new row of each old one, -1 for those that are gone; sorted."""
        self._row = rows[self._row]
        self._keep(self._row >= 0)

    def forget(self, rows: Bools) -> None:
        """Drop all answers of these rows (P)."""
        if len(self._row):
            self._keep(~rows[self._row])

    def prune(self, row: Int64s, lowest: Int64s) -> None:
        """Keep what may be of use for offsets from ``lowest`` on: rows without one (sorted, each once) lose all.

        Of each partition one answer below stays, and ``_MOST`` at most in all.
        """
        if not len(self._row):
            return
        wanted = np.zeros(len(self._row), dtype=bool)
        start, end = np.searchsorted(self._row, row, "left"), np.searchsorted(self._row, row, "right")
        first = np.maximum(self._place(row, lowest) - 1, start)
        change = np.zeros(len(self._row) + 1, dtype=np.int64)
        np.add.at(change, first, 1)
        np.add.at(change, end, -1)
        wanted = np.cumsum(change[:-1]) > 0
        rank = np.arange(len(self._row)) - np.searchsorted(self._row, self._row, "left")
        count = np.searchsorted(self._row, self._row, "right") - np.searchsorted(self._row, self._row, "left")
        self._keep(wanted & ((count <= _MOST) | (rank % 2 == 0)))

    def _place(self, row: Int64s, offset: Int64s) -> Int64s:
        """Return where each offset stands, or would stand, among the answers of its row."""
        low = np.searchsorted(self._row, row, "left").astype(np.int64)
        high = np.searchsorted(self._row, row, "right").astype(np.int64)
        while (low < high).any():
            middle = (low + high) // 2
            less = (low < high) & (self._taken(self._offset, middle) < offset)
            high = np.where(less | (low >= high), high, middle)
            low = np.where(less, middle + 1, low)
        return low

    def _of(self, place: Int64s, row: Int64s) -> Bools:
        """Say whether an answer at this place is one of this row."""
        found: Bools = (place >= 0) & (place < len(self._row)) & (self._taken(self._row, place) == row)
        return found

    @staticmethod
    def _taken(column: Int64s, place: Int64s) -> Int64s:
        if not len(column):
            return np.full(place.shape, -1, dtype=np.int64)
        return column[np.clip(place, 0, len(column) - 1)]

    def _keep(self, which: Bools) -> None:
        self._row, self._offset = self._row[which], self._offset[which]
        self._low, self._at = self._low[which], self._at[which]
