"""When the first records that groups have not read were written, where our own history does not reach back to them.

The history of end offsets (collectors/lag.py) knows nothing of what was there when it began. For positions that far
back leaders are asked by timestamp (ListOffsets), all partitions of a leader in one request, a few requests a read:
``timeline.py`` says what for. Most positions are known after the first read or the next few; then nothing is asked any
more, but where a group moves through its backlog into parts that no answer tells of.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import Bools, CommitKeys, Float64s, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import LIST_OFFSETS
from streamwatch.sources.kafka.bounds import Bounds
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.first_seen import FirstSeen
from streamwatch.sources.kafka.offsets import Answered, encode, read_answer, refused
from streamwatch.sources.kafka.problems import OverBudget, problem
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.timeline import GRAIN, Timeline
from streamwatch.sources.kafka.timestamps import Timestamp
from streamwatch.sources.kafka.versions import LIST_OFFSETS_BY_LARGEST_TIMESTAMP

_SHARE: Final = 0.01
"""Of its age, how far off the timestamp of a position may be that moves on anyway."""
_SKEW_MS: Final = 60_000
"""A record may be so far ahead of our clock; from further in the future, its timestamp says nothing."""
_KAFKA_MS: Final = 1_293_840_000_000
"""2011: there was no Kafka before. Older timestamps are no time of writing: zeros, or seconds for milliseconds."""
_FIRST: Final = 64
"""Partitions in the first request to a leader: what it takes, nobody knows (tiered storage is slow)."""
_MOST: Final = 2000
_AT_ONCE: Final = 20_000
"""Positions that are judged together."""
_QUICK_SECONDS: Final = 0.1
"""A leader that answers within this time is asked for more partitions at once."""
_SLOW_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 300.0
"""How long a leader is left alone that did not answer such a request in time."""
_NOTHING: Final = -9
"""Instead of a timestamp: a partition was not asked about."""
_PATIENCE: Final = 20
"""Reads after which a position that is not looked up yet is a problem."""


@dataclass(slots=True)
class _Pace:
    """How much is asked of one leader at once, and how long it is left alone."""

    most: int = _FIRST
    until: float = 0.0

    def answered(self, seconds: float) -> None:
        """Ask for more next time after a quick answer, and for less after a slow one."""
        if seconds < _QUICK_SECONDS:
            self.most = min(_MOST, self.most * 4)
        elif seconds > _SLOW_SECONDS:
            self.most = max(1, self.most // 4)

    def failed(self, now: float) -> None:
        """Leave it alone for a while, and begin anew with little."""
        self.most, self.until = _FIRST, now + _PAUSE_SECONDS


class _Positions:
    """The distinct positions that are looked up in one read (Q), sorted by row and offset."""

    def __init__(self, row: Int64s, offset: Int64s, stands: Bools) -> None:
        """Fold positions (which may be there more than once) and whether each stands where it stood a read ago."""
        order = np.lexsort((offset, row))
        row, offset, stands = row[order], offset[order], stands[order]
        first = np.append(True, (row[1:] != row[:-1]) | (offset[1:] != offset[:-1])) if len(row) else stands
        starts = np.flatnonzero(first)
        self.row, self.offset = row[starts], offset[starts]
        self.stands: Bools = np.logical_or.reduceat(stands, starts) if len(starts) else stands
        self.back = np.empty(len(order), dtype=np.int64)
        """Which of the positions each that was given is."""
        self.back[order] = np.cumsum(first) - 1
        self.at = np.full(len(self.row), np.nan)
        """When the record at each was written, in ms since 1970."""
        self.width = np.zeros(len(self.row), dtype=np.int64)
        """Within how many ms that is known."""
        self.enough = np.full(len(self.row), float(GRAIN))
        """Within how many ms it must be known."""


class RecordTimes:
    """Looks up when records were written, and remembers the answers. Lives on the source's event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._first_seen = FirstSeen(config.lag_history)
        self._timeline = Timeline()
        self._paces: dict[int, _Pace] = {}
        self._reads = 0
        self._keys: CommitKeys | None = None
        self._position = np.zeros(0, dtype=np.int64)
        self._at = np.zeros(0)
        self._width = np.zeros(0, dtype=np.int64)
        self._answered = np.zeros(0, dtype=bool)
        self._asked = np.zeros(0, dtype=np.int64)
        self._open_since = np.zeros(0, dtype=np.int64)
        self._barred = np.zeros(0, dtype=bool)

    async def read(  # noqa: PLR0913, PLR0917 - what a read has found so far
        self,
        session: ReadSession,
        pool: BrokerPool,
        bounds: Bounds,
        keys: CommitKeys,
        committed: Int64s,
        compacted: Bools,
        now: float,
        monotonic: float,
    ) -> Float64s:
        """Return when the first unread record of each commit (C) was written, in seconds since 1970.

        NaN where nothing is unread, where the record came after this source saw the partition first, or where nobody
        says yet. A timestamp from the future counts as now, or as unknown if it is far ahead, as is one that is older
        than Kafka.

        Args:
            session: this read's session.
            pool: the brokers.
            bounds: where the partitions begin and end.
            keys: whose commits, and of which rows.
            committed: the committed offsets (C).
            compacted: whether a topic's (T) records are compacted away, which leaves offsets without one.
            now: the time, in seconds since 1970.
            monotonic: the same by the clock that never jumps.

        """
        unread_at = np.full(len(committed), np.nan)
        if not self._config.lookup_requests:
            return unread_at
        self._reads += 1
        now_ms = int(now * 1000)
        self._follow(bounds, now_ms, monotonic)
        position, barred = self._positions(bounds, keys, committed)
        same = keys is self._keys
        stands = (position == self._position) if same else np.ones(len(position), dtype=bool)
        retained = stands & (self._width <= GRAIN) if same else np.zeros(len(position), dtype=bool)
        at = self._at if same else np.full(len(position), np.nan)
        width = self._width if same else np.zeros(len(position), dtype=np.int64)
        todo = np.flatnonzero((position >= 0) & ~retained)
        if len(todo):
            found = _Positions(keys.row[todo], position[todo], stands[todo])
            gappy = compacted[bounds.topology.topic[found.row]]
            await self._look_up(session, pool, bounds, found, gappy, now_ms, monotonic)
            at, width = at.copy(), width.copy()
            at[todo], width[todo] = found.at[found.back], found.width[found.back]
            barred[todo] |= self._barred[keys.row[todo]]
        answered = self._answered if same else np.full(len(position), self._keys is not None)
        # Nearly is enough for what moves on anyway, and for what was exported before; else it is worth another read.
        nearly = (width <= _SHARE * (now_ms - at)) & (~stands | answered)
        sensible = (at >= _KAFKA_MS) & (at <= now_ms + _SKEW_MS)
        known = (position >= 0) & ((width <= GRAIN) | nearly) & sensible
        self._keys, self._position, self._at, self._width, self._answered = keys, position, at, width, known
        self._prune(keys, position, todo)
        timeless = barred | ((position >= 0) & (width <= GRAIN) & ~sensible & ~np.isnan(at))
        if timeless.any():
            count = len(distinct(keys.row[timeless]))
            detail = f"ages of {count} partitions: ListOffsets: their records have no timestamp, or one that cannot be"
            session.problems.append(Problem("partition", "unsupported", detail, count))
        unread_at[known] = np.minimum(at[known] / 1000, now)
        return unread_at

    def _follow(self, bounds: Bounds, now_ms: int, monotonic: float) -> None:
        """Follow topology and end offsets: answers about other records than before are forgotten."""
        moved, again = self._first_seen.follow(bounds.topology, bounds.end, now_ms, monotonic)
        if moved is not None:
            count = len(bounds.topology.partition)
            retained = np.flatnonzero(moved >= 0)
            back = np.full(len(self._asked), -1, dtype=np.int64)
            back[moved[retained]] = retained
            self._timeline.renumber(back)
            for name in ("_asked", "_open_since", "_barred"):
                old = getattr(self, name)
                new = np.zeros(count, dtype=old.dtype)
                new[retained] = old[moved[retained]]
                setattr(self, name, new)
        if again.any():
            self._timeline.forget(again)
            self._keys = None

    def _positions(self, bounds: Bounds, keys: CommitKeys, committed: Int64s) -> tuple[Int64s, Bools]:
        """Return the offset of each first unread record (C), -1 where none is to be looked up, and where none can."""
        row = np.maximum(keys.row, 0)
        if not len(self._asked):
            return np.full(len(row), -1, dtype=np.int64), np.zeros(len(row), dtype=bool)
        position = np.maximum(committed, bounds.start[row])
        wanted = (keys.row >= 0) & (committed >= 0) & (bounds.start[row] >= 0)
        wanted &= (position < bounds.end[row]) & (position < self._first_seen.offset[row])
        barred = self._barred[row]
        return np.where(wanted & ~barred, position, -1), wanted & barred

    async def _look_up(  # noqa: PLR0913, PLR0917 - one step of read, cut out to be read alone
        self,
        session: ReadSession,
        pool: BrokerPool,
        bounds: Bounds,
        found: _Positions,
        gappy: Bools,
        now_ms: int,
        monotonic: float,
    ) -> None:
        """Ask, round by round, as far as this read's budget goes; what is known then stands in ``found``."""
        topology, touched = bounds.topology, np.ones(len(self._asked), dtype=bool)
        away = np.ones(len(self._asked), dtype=bool)
        """Rows whose leader cannot be asked, or has refused in this read."""
        for node, connection in pool.connections.items():
            if connection.up and self._pace(node).until <= monotonic:
                away[topology.leader == node] = False
        for requests in range(self._config.lookup_requests + 1):
            again = touched[found.row]
            self._judge(found, gappy, again)
            age = np.nan_to_num(now_ms - found.at)
            found.enough = np.where(found.stands, GRAIN, np.maximum(GRAIN, _SHARE * age))
            left = np.flatnonzero((found.width > found.enough) & ~away[found.row])
            late = session.left() < self._config.read_seconds / 2
            if not len(left) or late or requests == self._config.lookup_requests:
                break
            touched = await self._round(session, pool, bounds, found, left, away, monotonic)
        open_rows = np.zeros(len(self._asked), dtype=bool)
        open_rows[found.row[left]] = True
        self._asked[~open_rows] = 0
        self._open_since = np.where(open_rows, np.where(self._open_since > 0, self._open_since, self._reads), 0)
        overdue = int((self._reads - self._open_since[found.row[left]] >= _PATIENCE).sum())
        if overdue:
            detail = f"{overdue} positions of groups: not looked up yet when their records were written, after"
            detail += f" {_PATIENCE} reads of {self._config.lookup_requests} requests a broker (lookup_requests)"
            session.problems.append(Problem("partition", "budget", detail, overdue))

    def _judge(self, found: _Positions, gappy: Bools, which: Bools) -> None:
        """Say anew what is known of these positions, some at a time: each takes two hundred bytes on the way."""
        asked = np.flatnonzero(which)
        seen = self._first_seen
        for start in range(0, len(asked), _AT_ONCE):
            these = asked[start : start + _AT_ONCE]
            row, offset = found.row[these], found.offset[these]
            fence = self._timeline.fence(row, offset, seen.offset[row], seen.at_ms[row], seen.is_answer[row])
            found.at[these], found.width[these] = fence.decided(offset, gappy[these])

    async def _round(  # noqa: PLR0913, PLR0917 - one step of _look_up
        self,
        session: ReadSession,
        pool: BrokerPool,
        bounds: Bounds,
        found: _Positions,
        left: Int64s,
        away: Bools,
        monotonic: float,
    ) -> Bools:
        """Ask each leader once, about the first open position of some partitions; return of which rows it spoke."""
        topology, seen = bounds.topology, self._first_seen
        first = left[np.append(True, np.diff(found.row[left]) != 0)]
        calls = {}
        for node in distinct(topology.leader[found.row[first]]).tolist():
            some = first[topology.leader[found.row[first]] == node][: self._pace(node).most]
            row, offset = found.row[some], found.offset[some]
            fence = self._timeline.fence(row, offset, seen.offset[row], seen.at_ms[row], seen.is_answer[row])
            may = pool.connections[node].versions.get(LIST_OFFSETS.key, -1) >= LIST_OFFSETS_BY_LARGEST_TIMESTAMP
            question = fence.question(offset, self._asked[row], found.enough[some], np.full(len(row), may))
            calls[node] = self._ask(session, pool, topology, node, row, question, monotonic)
        answers = await session.all(
            calls, lambda node, e: problem("partition", e, f"broker {node}: times of records: {e}")
        )
        touched = np.zeros(len(away), dtype=bool)
        for node in calls.keys() - answers.keys():
            away[topology.leader == node] = True
        for answered, asked_for in answers.values():
            self._take(session, answered, asked_for, away)
            touched[answered.rows] = True
        return touched

    async def _ask(  # noqa: PLR0913, PLR0917 - one request
        self,
        session: ReadSession,
        pool: BrokerPool,
        topology: Topology,
        node: int,
        row: Int64s,
        question: Int64s,
        monotonic: float,
    ) -> tuple[Answered, Int64s]:
        """Return one leader's answer, and which timestamp each of its rows was asked for."""
        connection, loop = pool.connections[node], asyncio.get_running_loop()
        started = loop.time()
        try:
            body = await session.ask(connection, LIST_OFFSETS, encode(topology, row, question))
            answered, _ = read_answer(body, connection.version(LIST_OFFSETS), topology)
        except OverBudget:
            raise
        except SourceError:
            self._pace(node).failed(monotonic)
            self._never_largest(row[question == Timestamp.LARGEST])
            raise
        self._pace(node).answered(loop.time() - started)
        asked_for = np.full(len(topology.partition), _NOTHING, dtype=np.int64)
        asked_for[row] = question
        return answered, asked_for[answered.rows]

    def _take(self, session: ReadSession, answered: Answered, asked_for: Int64s, away: Bools) -> None:
        """Remember what a leader answered; a partition that it refuses is left for the next read, or for good."""
        asked, largest = asked_for != _NOTHING, asked_for == Timestamp.LARGEST
        fine, there = asked & (answered.error == 0), answered.offset >= 0
        self._asked[answered.rows] += 1
        self._never_largest(answered.rows[largest & ~(fine & there)])
        without = ~largest & asked & (answered.error == codes.UNSUPPORTED_FOR_MESSAGE_FORMAT)
        without |= ~largest & fine & there & (answered.timestamp < 0)
        self._barred[answered.rows[without]] = True
        other = ~largest & ~np.isin(answered.error, [codes.UNSUPPORTED_FOR_MESSAGE_FORMAT, *codes.MOVED_PARTITION])
        session.problems += refused(answered.error[other], "times of records")
        away[answered.rows[~largest & ~fine | without]] = True
        fine &= ~without
        nothing, found, most = fine & ~there & ~largest, fine & there, fine & there & largest
        self._first_seen.lower(answered.rows[nothing], asked_for[nothing])
        self._first_seen.lower(answered.rows[most], answered.timestamp[most] + 1)
        low = np.where(largest, answered.timestamp, asked_for)
        self._timeline.add(answered.rows[found], answered.offset[found], low[found], answered.timestamp[found])

    def _never_largest(self, rows: Int64s) -> None:
        """Take in that the largest timestamp of these rows is not to be had."""
        self._first_seen.lower(rows, np.full(len(rows), np.iinfo(np.int64).max))

    def _prune(self, keys: CommitKeys, position: Int64s, todo: Int64s) -> None:
        """Forget answers that are of no use for any position, after a read that may have brought more."""
        if len(todo) and len(self._timeline):
            wanted = position >= 0
            row, offset = keys.row[wanted], position[wanted]
            rows, start = np.unique(np.sort(row), return_index=True)
            lowest = offset[np.lexsort((offset, row))][start]
            self._timeline.prune(rows, lowest)

    def _pace(self, node: int) -> _Pace:
        return self._paces.setdefault(node, _Pace())
