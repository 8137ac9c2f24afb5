"""Lag in seconds: how old is the oldest record that a group has not committed?

The age is read from where the end offset stood in the past. If the end offset was at or below the committed offset at
one read and beyond it at the next, the first uncommitted record was written between the two; where in between is
estimated as if records had come evenly. What lies further back than what was seen is unknown, not estimated.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from streamwatch.model.kafka import Int64s, Topology
from streamwatch.model.metric import Values

_SPACING: Final = 0.25
"""Points of the history stand at most this share of their age apart, once they are older than a few reads."""


class Method(IntEnum):
    """How a lag in seconds is known."""

    IDLE = 0
    MEASURED = 1
    INTERPOLATED = 2
    UNKNOWN = 3


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
        self._interval = interval_seconds
        self._points: list[_Point] = []
        self._topology: Topology | None = None
        self._rows: Int64s = np.zeros(0, dtype=np.int64)

    def add(self, at: float, topology: Topology, rows: Int64s, end_offset: Int64s) -> None:
        """Remember the end offsets (P, ``NOT_KNOWN`` where unknown) of these rows (sorted) as of ``at``."""
        if topology is not self._topology or rows is not self._rows:
            self._follow(topology, rows)
        end = end_offset[rows]
        if self._points:
            # Truncated, or another topic of the same name: what was seen before is about other records.
            fell = (end >= 0) & (end < self._points[-1].end)
            for point in self._points if fell.any() else ():
                point.end[fell] = -1
        self._points.append(_Point(at, end))
        self._thin(at)

    def ages(self, row: Int64s, committed: Int64s) -> tuple[Values, npt.NDArray[np.int8]]:
        """Return the age in seconds of each first uncommitted record, and the ``Method`` by which it is known.

        Args:
            row: partitions, each one of the rows last added.
            committed: the committed offset in each, same shape; negative where unknown.

        """
        seconds = np.full(len(row), np.nan)
        method = np.full(len(row), Method.UNKNOWN, dtype=np.int8)
        if not self._points:
            return seconds, method
        place = np.searchsorted(self._rows, row)
        now = self._points[-1]
        end = now.end[place]
        readable = (committed >= 0) & (end >= 0)
        idle = readable & (committed >= end)
        seconds[idle], method[idle] = 0.0, Method.IDLE
        # For each that is still open: the youngest point at which the record was there already.
        todo = np.flatnonzero(readable & ~idle)
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
        method[of] = np.where(gap <= 1.5 * self._interval, Method.MEASURED, Method.INTERPOLATED)

    def _follow(self, topology: Topology, rows: Int64s) -> None:
        """Move the columns of the history to new rows; a partition not seen before has no past."""
        if self._points and self._topology is not None:
            old = self._topology
            index = np.array([old.topic_index.get(name, -1) for name in topology.topics], dtype=np.int64)
            before = old.rows(index[topology.topic[rows]], topology.partition[rows].astype(np.int64))
            place = np.minimum(np.searchsorted(self._rows, before), max(len(self._rows) - 1, 0))
            found = (before >= 0) & (len(self._rows) > 0)
            if len(self._rows):
                found &= self._rows[place] == before
            for point in self._points:
                end = np.full(len(rows), -1, dtype=np.int64)
                end[found] = point.end[place[found]]
                point.end = end
        self._topology, self._rows = topology, rows

    def _thin(self, now: float) -> None:
        """Forget points that are too old, or closer together than their age asks for."""
        points = self._points
        while len(points) > 2 and points[1].at < now - self._window:  # noqa: PLR2004 - one point beyond the window stays
            del points[0]
        for i in range(len(points) - 2, 0, -1):
            spacing = max(0.5 * self._interval, _SPACING * (now - points[i].at))
            if points[i + 1].at - points[i - 1].at <= spacing:
                del points[i]
