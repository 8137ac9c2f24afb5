"""Where each partition begins and ends, and how far readers of committed data can read, from read to read.

End offsets are asked for in every read. Start offsets and last stable offsets change seldom or are seldom another than
the end, and are asked for in turns, so that all three cost no more than two. What is open is asked for in every
read: last stable offsets that stand below the end, and start offsets that have passed what a group committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from streamwatch.model.kafka import NOT_KNOWN, Bools, Float64s, Int64s, Topology
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.offsets import EARLIEST, LATEST, STABLE, Bound, OffsetReader, moved, refused
from streamwatch.sources.kafka.read_session import ReadSession

_ALL = (LATEST, EARLIEST, STABLE)

Columns = dict[Bound, tuple[Int64s, Int64s]]
"""For each bound, offsets and error codes (P)."""


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """The offsets of one read (P each), ``NOT_KNOWN`` where they could not be read."""

    topology: Topology
    end: Int64s
    start: Int64s
    stable: Int64s
    """Never beyond the end. Where it was the end when it was last asked for, the end."""
    stable_since: Float64s
    """Since when the stable offset is seen to stand where it does, below the end, in seconds of the clock that never
    jumps; NaN where it does not."""

    @property
    def undecided(self) -> Bools:
        """Where the last stable offset stands below the end."""
        return (self.stable >= 0) & (self.stable < self.end)


class BoundReader:
    """Reads the bounds of all partitions again and again, and keeps what need not be asked anew."""

    def __init__(self, newer: Callable[[ReadSession], Awaitable[Topology | None]]) -> None:
        """Keep how to look where partitions have moved: ``newer`` returns the topology as it is by now."""
        self._newer = newer
        self._reader = OffsetReader()
        self._last: Bounds | None = None
        self._turn = STABLE

    async def read(  # noqa: PLR0913, PLR0917 - what a read has found so far
        self,
        session: ReadSession,
        pool: BrokerPool,
        topology: Topology,
        wanted: Bools,
        row: Int64s,
        committed: Int64s,
        monotonic: float,
    ) -> Bounds:
        """Return the bounds of the wanted partitions (P).

        Args:
            session: this read's session.
            pool: the brokers.
            topology: whose rows the columns follow.
            wanted: which rows to ask about.
            row: of each commit (C), -1 where its topic is gone.
            committed: the offset committed there, same shape.
            monotonic: the time of this read by the clock that never jumps.

        """
        last = self._last
        if last is None or not _same_leaders(last.topology, topology):
            asked: tuple[Bound, ...] = _ALL
            columns = await self._reader.read(session, pool, topology, wanted, asked)
        else:
            self._turn = EARLIEST if self._turn is STABLE else STABLE
            other = STABLE if self._turn is EARLIEST else EARLIEST
            asked = (LATEST, self._turn)
            still = _open(last, other, row, committed) & wanted
            # The end first: a last stable offset that is read later than the end is never too low.
            columns, few = await asyncio.gather(
                self._reader.read(session, pool, topology, wanted, asked),
                OffsetReader().read(session, pool, topology, still, (other,) if still.any() else ()),
            )
            columns[other] = _updated(last, other, columns[LATEST][0], few.get(other), still)
        await self._look_again(session, pool, topology, wanted, columns)
        for bound in _ALL:
            session.problems += refused(columns[bound][1], bound.name)
        end = columns[LATEST][0]
        stable = np.where(end >= 0, np.minimum(columns[STABLE][0], end), NOT_KNOWN)
        self._last = Bounds(topology, end, columns[EARLIEST][0], stable, _since(last, topology, end, stable, monotonic))
        return self._last

    async def _look_again(
        self, session: ReadSession, pool: BrokerPool, topology: Topology, wanted: Bools, columns: Columns
    ) -> None:
        """Ask once more for partitions that have moved, at their new leaders."""
        gone = wanted & (moved(columns[LATEST][1]) | moved(columns[EARLIEST][1]) | moved(columns[STABLE][1]))
        newer = await self._newer(session) if gone.any() else None
        # Only the leaders may differ: the rows must be the same to be put back.
        if (
            newer is not None
            and np.array_equal(newer.partition, topology.partition)
            and newer.topics == topology.topics
        ):
            again = await OffsetReader().read(session, pool, newer, gone, _ALL)
            for bound in _ALL:
                for column, new in zip(columns[bound], again[bound], strict=True):
                    column[gone] = new[gone]


def _same_leaders(last: Topology, topology: Topology) -> bool:
    """Say whether each partition is the one that it was, and led by the same broker."""
    return last is topology or (
        last.topics == topology.topics
        and last.topic_ids == topology.topic_ids
        and np.array_equal(last.partition, topology.partition)
        and np.array_equal(last.leader, topology.leader)
    )


def _open(last: Bounds, bound: Bound, row: Int64s, committed: Int64s) -> Bools:
    """Return where a bound must be asked for though it is not its turn: where it counts, or was not answered."""
    if bound is STABLE:
        return last.undecided | ((last.stable < 0) & (last.end >= 0))
    still = (last.start < 0) & (last.end >= 0)
    held = (row >= 0) & (committed >= 0)
    at = row[held]
    still[at[committed[held] < last.start[at]]] = True
    return still


def _updated(
    last: Bounds, bound: Bound, end: Int64s, few: tuple[Int64s, Int64s] | None, still: Bools
) -> tuple[Int64s, Int64s]:
    """Return a bound that was asked for where it is open only, if anywhere: elsewhere it is what it was."""
    offset = np.where(last.stable >= 0, end, NOT_KNOWN)
    if bound is EARLIEST:
        offset = np.where(last.start <= end, last.start, NOT_KNOWN)
    if few is None:
        return offset, np.zeros(len(end), dtype=np.int64)
    return np.where(still, few[0], offset), np.where(still, few[1], 0)


def _since(last: Bounds | None, topology: Topology, end: Int64s, stable: Int64s, now: float) -> Float64s:
    """Return since when each stable offset (P) stands where it does, below the end."""
    since = np.where((stable >= 0) & (stable < end), now, np.nan)
    if last is not None:
        before = np.arange(len(end)) if last.topology is topology else topology.rows_in(last.topology)
        stood = np.flatnonzero((before >= 0) & ~np.isnan(since))
        stood = stood[(last.stable[before[stood]] == stable[stood]) & last.undecided[before[stood]]]
        since[stood] = last.stable_since[before[stood]]
    return since
