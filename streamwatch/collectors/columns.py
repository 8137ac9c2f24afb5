"""Sums over columns in which unknown stays unknown: a sum with a missing addend is not known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.model.kafka import Bools, Int32s, Int64s, Topology
from streamwatch.model.metric import Values


@dataclass(frozen=True, slots=True)
class ReplicationColumns:
    """What follows from a topology alone. Shapes: P partitions, T topics."""

    replicas: Int64s
    """P: assigned replicas."""
    in_sync: Int64s
    """P: replicas in the ISR."""
    preferred: Int32s
    """P: broker id of the first replica."""
    leader_replica: Int64s
    """P: index of the leader among the topology's replicas, -1 without a leader."""


def replication(topology: Topology) -> ReplicationColumns:
    """Derive replica counts and places."""
    starts = topology.replica_start[:-1]
    replicas = np.diff(topology.replica_start)
    in_sync = _per_partition(topology.in_sync.astype(np.int64), topology)
    preferred = topology.replica[starts] if len(starts) else topology.leader
    leader_replica = np.full(len(starts), -1, dtype=np.int64)
    row = np.repeat(np.arange(len(starts)), replicas)
    leads = np.flatnonzero(topology.replica == topology.leader[row])
    leader_replica[row[leads]] = leads
    return ReplicationColumns(replicas, in_sync, preferred, leader_replica)


def count_true(flags: Bools, topology: Topology) -> Int64s:
    """Return, for each partition (P), how many of its replicas (R) are flagged."""
    return _per_partition(flags.astype(np.int64), topology)


def known(column: Int64s) -> Values:
    """Return a column as floats, with NaN where it holds a negative number: what could not be read."""
    values = column.astype(np.float64)
    values[column < 0] = np.nan
    return values


def sum_by_topic(values: Values, topology: Topology) -> Values:
    """Return the sum (T) of a column (P) over each topic; NaN where an addend is."""
    if not len(topology.topics):
        return np.zeros(0)
    total: Values = np.add.reduceat(values, topology.topic_start[:-1])
    return total


def count_by(index: npt.NDArray[np.integer], size: int, where: Bools | None = None) -> Values:
    """Return how often each of ``size`` places occurs; negative ones do not count."""
    counted = index >= 0 if where is None else where & (index >= 0)
    return np.bincount(index[counted], minlength=size).astype(np.float64)


def runs(values: Int64s) -> tuple[Int64s, Int64s]:
    """Return the distinct values of a sorted column, and where each begins (``np.unique`` would sort or hash again)."""
    starts = np.flatnonzero(np.diff(values, prepend=-1)) if len(values) else np.zeros(0, dtype=np.int64)
    return values[starts], starts


def unknown_unless(flag: bool, values: Values) -> Values:  # noqa: FBT001 - reads as a sentence
    """Return the values, or as many NaN."""
    return values if flag else np.full(values.shape, np.nan)


class Recreated:
    """Which topics are others than in the read before, under their old names: no rate may join the two."""

    def __init__(self) -> None:
        self._before: Topology | None = None

    def of(self, topology: Topology) -> Bools:
        """Return the flags (T) of a read's topology; true in the first read of the new topic only."""
        before, self._before = self._before, topology
        return topology.recreated(topology if before is None else before)


def _per_partition(values: Int64s, topology: Topology) -> Int64s:
    if not len(topology.partition):
        return np.zeros(0, dtype=np.int64)
    # No source passes on a partition without replicas, so that each range of reduceat has at least one.
    total: Int64s = np.add.reduceat(values, topology.replica_start[:-1])
    return total
