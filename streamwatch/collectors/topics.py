"""Topics: their size, their health and where their offsets stand."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamwatch.catalogue import kafka as c
from streamwatch.collectors.columns import (
    Recreated,
    ReplicationColumns,
    known,
    sum_by_topic,
    unknown_unless,
)
from streamwatch.collectors.health import JudgedPartitions, PartitionHealth, expected_replicas
from streamwatch.collectors.transactions import transaction_samples
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import NOT_SET, CleanupPolicy, ClusterSnapshot, Int64s, Topology
from streamwatch.model.metric import Keys, Samples, Values


class _Sums(NamedTuple):
    """What the health of partitions comes to, by topic (T)."""

    offline: Values
    under_replicated: Values
    replication: Values
    """The fewest replicas that a partition should have in sync."""


class TopicCollector:
    """Sums partitions up by topic, for the topics that the configuration looks at."""

    def __init__(self, judged: JudgedPartitions | None = None) -> None:
        self._judged = JudgedPartitions() if judged is None else judged
        self._sums = Memo[_Sums]()
        self._keys = Memo[Keys]()
        self._recreated = Recreated()
        self._policies = Memo[Keys]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of the selected topics."""
        topology = now.topology
        if topology is None:
            return []
        facts, health = self._judged.facts(topology), self._judged.health(now, topology)
        chosen = np.flatnonzero(now.selected)
        keys = self._keys.get(
            lambda: Keys(c.TOPIC, [(now.cluster, topology.topics[i]) for i in chosen.tolist()]), topology, now.selected
        )
        sums = self._sums.get(lambda: _sums(now, topology, facts, health), health)
        offline, under = (unknown_unless(not now.metadata_frozen, one) for one in (sums.offline, sums.under_replicated))
        retention = _limit(now.retention_ms)
        anew = self._recreated.of(topology)
        columns = {
            c.TOPIC_END_OFFSET: np.where(anew, np.nan, sum_by_topic(known(now.end_offset), topology)),
            c.TOPIC_START_OFFSET: np.where(anew, np.nan, sum_by_topic(known(now.start_offset), topology)),
            c.TOPIC_UNDECIDED_RECORDS: sum_by_topic(known(now.end_offset) - known(now.stable_offset), topology),
            c.TOPIC_UNDECIDED_SECONDS: _longest(now, topology),
            c.TOPIC_LOG_BYTES: sum_by_topic(leader_bytes(now, facts), topology),
            c.TOPIC_OFFLINE: offline,
            c.TOPIC_UNDER_REPLICATED: under,
            c.TOPIC_PARTITIONS: np.diff(topology.topic_start).astype(np.float64),
            c.TOPIC_REPLICATION: sums.replication,
            c.TOPIC_MIN_ISR: known(now.min_isr),
            c.TOPIC_RETENTION_SECONDS: retention / 1000,
            c.TOPIC_RETENTION_BYTES: _limit(now.retention_bytes),
        }
        policies = self._policies.get(
            lambda: _policies(now, topology, chosen), topology, now.selected, now.cleanup_policy
        )
        return [
            *(metric.samples(keys, values[chosen]) for metric, values in columns.items()),
            c.TOPIC_CLEANUP_POLICY.samples(policies, np.ones(len(policies))),
            *transaction_samples(now, topology),
        ]


def _sums(now: ClusterSnapshot, topology: Topology, facts: ReplicationColumns, health: PartitionHealth) -> _Sums:
    expected = expected_replicas(now, topology, facts)
    least = np.minimum.reduceat(expected, topology.topic_start[:-1]) if len(expected) else np.zeros(0)
    return _Sums(
        sum_by_topic(health.offline.astype(np.float64), topology),
        sum_by_topic(health.under_replicated.astype(np.float64), topology),
        least.astype(np.float64),
    )


_POLICIES = {
    CleanupPolicy.DELETE: "delete",
    CleanupPolicy.COMPACT: "compact",
    CleanupPolicy.COMPACT_DELETE: "compact,delete",
    CleanupPolicy.NONE: "none",
}


def _policies(now: ClusterSnapshot, topology: Topology, chosen: npt.NDArray[np.intp]) -> Keys:
    """Return the topics of which the cleanup policy is known, each with its policy."""
    return Keys(
        c.TOPIC_CLEANUP_POLICY.labels,
        [
            (now.cluster, topology.topics[topic], _POLICIES[CleanupPolicy(policy)])
            for topic, policy in zip(chosen.tolist(), now.cleanup_policy[chosen].tolist(), strict=True)
            if policy != NOT_SET
        ],
    )


def leader_bytes(now: ClusterSnapshot, facts: ReplicationColumns) -> Values:
    """Return the size of each partition's leading replica (P), NaN where it is not known."""
    sizes = np.append(known(now.replica_bytes), np.nan)
    return sizes[facts.leader_replica]


def _longest(now: ClusterSnapshot, topology: Topology) -> Values:
    """Return for how long a topic's last stable offsets (T) have stood, at most; NaN where none is known."""
    seconds = np.where(np.isnan(now.stable_since), 0.0, now.offsets_monotonic - now.stable_since)
    seconds[now.stable_offset < 0] = np.nan
    if not len(topology.topics):
        return np.zeros(0)
    longest: Values = np.fmax.reduceat(seconds, topology.topic_start[:-1])
    return longest


def _limit(column: Int64s) -> Values:
    """Return a setting as floats: -1 is Kafka's word for no limit, less than that is not known."""
    values = known(column)
    values[column == -1] = np.inf
    return values
