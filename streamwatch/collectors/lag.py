"""Lag in seconds: how old is the oldest record that a group has not committed?

The age is read from where the end offset stood in the past. If the end offset was at or below the committed offset at
one read and beyond it at the next, the first uncommitted record was written between the two; where in between is
estimated as if records had come evenly. What lies further back than what was seen is unknown, not estimated.

Time is the monotonic clock's: a wall clock that is set changes no age.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from streamwatch.collectors.following import TopicNumbers, partition_keys, places
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Bools, Int32s, Int64s, Topology
from streamwatch.model.metric import Values

_SPACING: Final = 0.25
"""Points of the history stand at most this share of their age apart, once they are older than a few reads."""
_KEEP_SECONDS: Final = 3600.0
"""A partition that nobody asks for is followed for so long: its group's coordinator may not have answered."""


class Method(IntEnum):
    """How a lag in seconds is known."""

    IDLE = 0
    MEASURED = 1
    INTERPOLATED = 2
    UNKNOWN = 3
    LOOKED_UP = 4


@dataclass(slots=True)
class _Point:
    at: float
    end: Int64s


class EndOffsetHistory:
    """Where the end offsets of some partitions stood, closely for the recent past and sparsely for the older.

    A history of a day at a read every 15 seconds is about 40 points of 8 bytes a partition.
    """

    def __init__(self, window_seconds: float, interval_seconds: float) -> None:
        self._window = window_seconds
        self.interval = interval_seconds
        self._points: list[_Point] = []
        self._numbers = TopicNumbers()
        self._topology: Topology | None = None
        self._asked: Int64s = np.zeros(0, dtype=np.int64)
        self._rows: Int64s = self._asked
        self._keys: Int64s = self._asked
        self._asked_at: Values = np.zeros(0)
        self._last: Int64s = self._asked
        """The end offset of each row when it was known last."""
        self._stepped_at = -math.inf
        """Before this moment the time between two points is not known."""

    def add(self, at: float, topology: Topology, rows: Int64s, end_offset: Int64s) -> None:
        """Remember the end offsets (P, ``NOT_KNOWN`` where unknown) of these rows (sorted) as of ``at``.

        Args:
            at: when they were read, in seconds of a clock that does not jump. If it goes back all the same, the read
                before counts as one interval ago; if it leaps over the whole window, what was seen is forgotten.
            topology: whose rows these are.
            rows: the partitions to follow.
            end_offset: of every row of the topology.

        """
        self._stay_in_order(at)
        if topology is not self._topology or rows is not self._asked:
            self._follow(at, topology, rows)
        end = end_offset[self._rows]
        # Truncated, or another topic of the same name: what was seen before is about other records.
        fell = (end >= 0) & (end < self._last)
        for point in self._points if fell.any() else ():
            point.end[fell] = NOT_KNOWN
        self._last = np.where(end >= 0, end, self._last)
        self._points.append(_Point(at, end))
        self._thin(at)

    def _stay_in_order(self, at: float) -> None:
        if not self._points:
            return
        step = at - self._points[-1].at
        if step < 0:
            for point in self._points:
                point.at += step - self.interval
            self._stepped_at = at
        elif step > self._window:
            self._points.clear()

    def ages(self, row: Int32s | Int64s, committed: Int64s) -> tuple[Values, npt.NDArray[np.int8]]:
        """Return the age in seconds of each first uncommitted record, and the ``Method`` by which it is known.

        Args:
            row: partitions, each one of the rows last added.
            committed: the offset from which the group reads on in each, same shape; negative where unknown.

        """
        seconds = np.full(len(row), np.nan)
        method = np.full(len(row), Method.UNKNOWN, dtype=np.int8)
        if not self._points:
            return seconds, method
        place = np.searchsorted(self._rows, row)
        now = self._points[-1]
        end = now.end[place]
        readable = (committed >= 0) & (end >= 0)
        idle = readable & (committed == end)
        seconds[idle], method[idle] = 0.0, Method.IDLE
        # For each that is still open: the youngest point at which the record was there already.
        oldest = self._points[0].end[place]
        todo = np.flatnonzero(readable & (committed < end) & ((oldest < 0) | (oldest <= committed)))
        there_at = np.full(len(todo), now.at)
        there_end = end[todo]
        for point in reversed(self._points[:-1]):
            if not len(todo):
                break
            was, want = point.end[place[todo]], committed[todo]
            born = (was >= 0) & (was <= want)
            if born.any():
                self._settle(now.at, point, todo[born], was[born], want[born], there_at[born], there_end[born], seconds, method)  # fmt: skip  # noqa: E501
            known = was > want
            there_at[known], there_end[known] = point.at, was[known]
            todo, there_at, there_end = todo[~born], there_at[~born], there_end[~born]
        return seconds, method

    def _settle(  # noqa: PLR0913, PLR0917 - one step of ages, cut out to be read alone
        self,
        now: float,
        point: _Point,
        of: Int64s,
        was: Int64s,
        want: Int64s,
        there_at: Values,
        there_end: Int64s,
        seconds: Values,
        method: npt.NDArray[np.int8],
    ) -> None:
        """The records ``want`` were written between ``point`` and the later points ``there``."""
        share = (want - was) / np.maximum(there_end - was, 1)
        gap = there_at - point.at
        seconds[of] = now - (point.at + share * gap)
        close = (gap <= 1.5 * self.interval) & (point.at >= self._stepped_at)
        method[of] = np.where(close, Method.MEASURED, Method.INTERPOLATED)

    def _follow(self, at: float, topology: Topology, rows: Int64s) -> None:
        """Move the columns of the history to new rows; a partition not seen before has no past."""
        keys = partition_keys(self._numbers.of(topology)[topology.topic], topology.partition.astype(np.int64))
        row = places(self._keys, keys)
        lately = (row >= 0) & (self._asked_at > at - _KEEP_SECONDS)
        self._rows = distinct(np.concatenate((rows, row[lately])))
        place = places(keys[self._rows], self._keys)
        found = place >= 0
        for point in self._points:
            point.end = _moved(point.end, place, found)
        self._last = _moved(self._last, place, found)
        asked_at = np.full(len(self._rows), at)
        asked_at[found] = self._asked_at[place[found]]
        asked_at[np.searchsorted(self._rows, rows)] = at
        self._asked_at, self._keys = asked_at, keys[self._rows]
        self._topology, self._asked = topology, rows

    def _thin(self, now: float) -> None:
        """Forget points that are too old, or closer together than their age asks for."""
        points = self._points
        while len(points) > 2 and points[1].at < now - self._window:  # noqa: PLR2004 - one point beyond the window stays
            del points[0]
        for i in range(len(points) - 2, 0, -1):
            spacing = max(0.5 * self.interval, _SPACING * (now - points[i].at))
            if points[i + 1].at - points[i - 1].at <= spacing:
                del points[i]


def _moved(column: Int64s, place: Int64s, found: Bools) -> Int64s:
    """Return the column in the order of ``place``, ``NOT_KNOWN`` where nothing is found."""
    moved = np.full(len(place), NOT_KNOWN, dtype=np.int64)
    moved[found] = column[place[found]]
    return moved
