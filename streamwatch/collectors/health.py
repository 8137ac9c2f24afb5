"""How partitions are: judged here once, so that metrics, other exporters' names and the page cannot disagree.

Whether leaders and ISRs can be believed at all is the snapshot's word (``metadata_frozen``), and is not judged here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.collectors.columns import ReplicationColumns, count_true, replication
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import Bools, Broker, ClusterSnapshot, Int32s, Int64s, Topology
from streamwatch.model.metric import UNKNOWN, Values


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    """What is wrong with each partition. Shapes: P partitions, R replicas."""

    offline: Bools
    """P: no leader."""
    unreachable: Values
    """P: 1 where no client can reach the leader: there is none, or its broker does not answer us; NaN where we have no
    connection to its broker."""
    lacks_replicas: Bools
    """P: fewer replicas in sync than assigned; those that a reassignment adds are not missed yet."""
    lacks_min_isr: Bools
    """P: fewer replicas in sync than ``acks=all`` needs; false where the setting is not known."""
    at_min_isr: Bools
    """P: exactly as many as ``acks=all`` needs."""
    min_isr_known: Bools
    """P: whether ``min.insync.replicas`` is known."""
    lagging: Bools
    """R: the replica is not in sync, and is not one that a reassignment adds."""

    @property
    def under_replicated(self) -> Bools:
        """P: what brokers count as ``UnderReplicatedPartitions``: the leader counts, so one without is not counted."""
        return self.lacks_replicas & ~self.offline

    @property
    def under_min_isr(self) -> Bools:
        """P: what brokers count as ``UnderMinIsrPartitionCount``, at the leader, too."""
        return self.lacks_min_isr & ~self.offline


def partition_health(now: ClusterSnapshot, topology: Topology, facts: ReplicationColumns) -> PartitionHealth:
    """Judge the partitions of a snapshot.

    Args:
        now: the snapshot.
        topology: its topology.
        facts: what follows from the topology.

    """
    min_isr = now.min_isr[topology.topic]
    # As brokers see it since 3.0: a topic cannot need more replicas in sync than it has.
    needed = np.minimum(min_isr, facts.replicas)
    up = np.array([as_float(broker.up) for broker in now.brokers] + [0.0])
    return PartitionHealth(
        offline=topology.leader < 0,
        unreachable=1 - up[broker_index(now.brokers, topology.leader)],
        lacks_replicas=facts.in_sync < expected_replicas(now, topology, facts),
        lacks_min_isr=facts.in_sync < needed,
        at_min_isr=facts.in_sync == needed,
        min_isr_known=min_isr >= 0,
        lagging=~topology.in_sync & ~now.adding,
    )


def expected_replicas(now: ClusterSnapshot, topology: Topology, facts: ReplicationColumns) -> Int64s:
    """Return how many replicas each partition (P) should have in sync: all but those that a reassignment adds."""
    return facts.replicas - count_true(now.adding, topology)


class JudgedPartitions:
    """The health of one cluster's partitions: judged once for all collectors, and anew where its grounds changed."""

    def __init__(self) -> None:
        self._facts = Memo[ReplicationColumns]()
        self._health = Memo[PartitionHealth]()
        self._brokers: tuple[Broker, ...] = ()
        self._adding: Bools | None = None

    def facts(self, topology: Topology) -> ReplicationColumns:
        """Return what follows from a topology; the same object while it stays."""
        return self._facts.get(lambda: replication(topology), topology)

    def health(self, now: ClusterSnapshot, topology: Topology) -> PartitionHealth:
        """Return ``partition_health``; the same object while nothing changes that it is judged by."""
        brokers, adding = self.brokers(now), self.adding(now)
        facts = self.facts(topology)
        return self._health.get(lambda: partition_health(now, topology, facts), topology, now.min_isr, brokers, adding)

    def brokers(self, now: ClusterSnapshot) -> tuple[Broker, ...]:
        """Return the brokers; the object of the read before while they are equal."""
        if now.brokers != self._brokers:
            self._brokers = now.brokers
        return self._brokers

    def adding(self, now: ClusterSnapshot) -> Bools:
        """Return which replicas (R) a reassignment adds; the object of the read before while they are equal."""
        if self._adding is None or not np.array_equal(now.adding, self._adding):
            self._adding = now.adding
        return self._adding


def broker_index(brokers: tuple[Broker, ...], nodes: npt.NDArray[np.integer]) -> Int32s:
    """Return where these ids stand in the list of brokers, which is sorted by id; -1 for an id that is not there."""
    ids = np.array([broker.id for broker in brokers], dtype=np.int64)
    if not len(ids):
        return np.full(nodes.shape, -1, dtype=np.int32)
    places = np.minimum(np.searchsorted(ids, nodes), len(ids) - 1)
    return np.where(ids[places] == nodes, places, -1).astype(np.int32)


def as_float(value: bool | None) -> float:  # noqa: FBT001 - a fact
    """Return a fact as a metric has it: 1, 0, or NaN where it is not known."""
    return UNKNOWN if value is None else float(value)
