"""Up to which offset each partition has records that were there before this source can have seen them come."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.model.kafka import Bools, Int64s, Topology

_SHARES: Final = 4
"""Into so many parts the history's window is cut: what leaves it is noted so often."""


@dataclass(slots=True)
class _Noted:
    monotonic: float
    at_ms: int
    end: Int64s


class FirstSeen:
    """Remembers the end offset at which each partition was seen first, and what the history of end offsets forgets."""

    def __init__(self, window_seconds: float) -> None:
        """Begin with nothing.

        Args:
            window_seconds: how far back the history of end offsets reaches (``lag_history``).

        """
        self.offset = np.zeros(0, dtype=np.int64)
        """P: what stands before this offset may be unknown to the history; -1 while the partition was not seen."""
        self.at_ms = np.zeros(0, dtype=np.int64)
        """P: a timestamp such that no record before ``offset`` is as young, in ms since 1970."""
        self.is_answer = np.zeros(0, dtype=bool)
        """P: whether a broker answered so, and not the clock."""
        self._window = window_seconds
        self._topology: Topology | None = None
        self._end = np.zeros(0, dtype=np.int64)
        self._noted: list[_Noted] = []

    def follow(self, topology: Topology, end: Int64s, now_ms: int, monotonic: float) -> tuple[Int64s | None, Bools]:
        """Take in the end offsets (P, negative where unknown) of one read.

        Returns where each row stood before (None while the rows are the same), and which rows (P) begin anew: their
        end has fallen, so their records are others.
        """
        moved = None
        if topology is not self._topology:
            moved = self._move(topology)
        again = (end >= 0) & (end < self._end)
        self.offset[again] = -1
        for noted in self._noted if again.any() else ():
            noted.end[again] = -1
        seen = (end >= 0) & (self.offset < 0)
        self.offset[seen], self.at_ms[seen], self.is_answer[seen] = end[seen], now_ms + 1, False
        self._end = np.where(end >= 0, end, self._end)
        self._note(now_ms, monotonic)
        return moved, again

    def lower(self, rows: Int64s, at_ms: Int64s) -> None:
        """Take in that none of these rows has a record as young as a timestamp: not before ``offset`` either."""
        self.at_ms[rows], self.is_answer[rows] = np.minimum(self.at_ms[rows], at_ms), True

    def _move(self, topology: Topology) -> Int64s:
        """Move all columns to the rows of another topology; a new partition was not seen."""
        count = len(topology.partition)
        before = topology.rows_in(self._topology) if self._topology else np.full(count, -1, dtype=np.int64)
        retained = before >= 0

        is_answer = np.zeros(count, dtype=bool)
        is_answer[retained] = self.is_answer[before[retained]]

        def moved(column: Int64s) -> Int64s:
            new = np.full(count, -1, dtype=np.int64)
            new[retained] = column[before[retained]]
            return new

        self.is_answer = is_answer
        self.offset, self.at_ms, self._end = moved(self.offset), moved(self.at_ms), moved(self._end)
        for noted in self._noted:
            noted.end = moved(noted.end)
        self._topology = topology
        return before

    def _note(self, now_ms: int, monotonic: float) -> None:
        """Note where the ends stand now and then, and take what is about to leave the history for not seen by it."""
        if not self._noted or monotonic - self._noted[-1].monotonic >= self._window / _SHARES:
            self._noted.append(_Noted(monotonic, now_ms, self._end.copy()))
        while monotonic - self._noted[0].monotonic >= self._window * (_SHARES - 1) / _SHARES:
            left = self._noted.pop(0)
            later = left.end > self.offset
            self.offset[later], self.at_ms[later], self.is_answer[later] = left.end[later], left.at_ms + 1, False
