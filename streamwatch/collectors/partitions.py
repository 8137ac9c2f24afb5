"""What is opt-in: a series for each partition, and for each group and partition."""

import numpy as np

from streamwatch.catalogue import kafka_groups as c
from streamwatch.catalogue.kafka import GROUP_PARTITION, PARTITION
from streamwatch.collectors.backlog import ages, backlog
from streamwatch.collectors.columns import Recreated, known, unknown_unless
from streamwatch.collectors.group_states import GroupStates, PartitionStates
from streamwatch.collectors.health import JudgedPartitions
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.topics import leader_bytes
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import ClusterSnapshot, Int64s, Topology
from streamwatch.model.metric import UNKNOWN, Keys, Samples


class PartitionCollector:
    """Gives the columns of a snapshot as they are. Runs after the group collector: it reads its history and states."""

    def __init__(
        self, history: EndOffsetHistory, states: GroupStates | None = None, judged: JudgedPartitions | None = None
    ) -> None:
        self._history = history
        self._groups = states
        self._states = None if states is None else PartitionStates(states)
        self._judged = JudgedPartitions() if judged is None else judged
        self._recreated = Recreated()
        self._rows = Memo[tuple[Int64s, Keys]]()
        self._commits = Memo[tuple[Int64s, Keys]]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of the selected partitions, and of the groups in them."""
        topology = now.topology
        if topology is None:
            return []
        facts = self._judged.facts(topology)
        rows, keys = self._rows.get(lambda: rows_of(now, topology), topology, now.selected)
        places, group_keys = self._commits.get(lambda: commits_of(now, topology), now.commits, now.selected)
        row = now.commits.row[places]
        left = backlog(now, places, row)
        size = len(now.committed)
        uncertain = np.full(size, UNKNOWN) if self._groups is None else self._groups.uncertain(size)
        seconds, _ = ages(now, self._history, left, places, row, uncertain[places])
        believed = not now.metadata_frozen
        anew = self._recreated.of(topology)[topology.topic]
        end, begin = (np.where(anew, np.nan, known(one))[rows] for one in (now.end_offset, now.start_offset))
        leader, in_sync = topology.leader[rows].astype(np.float64), facts.in_sync[rows].astype(np.float64)
        return [
            c.GROUP_PARTITION_LAG.samples(group_keys, left.lag),
            c.GROUP_PARTITION_LAG_SECONDS.samples(group_keys, seconds),
            c.GROUP_PARTITION_COMMITTED.samples(group_keys, left.committed),
            *(() if self._states is None else self._states.samples(topology)),
            c.PARTITION_END_OFFSET.samples(keys, end),
            c.PARTITION_START_OFFSET.samples(keys, begin),
            c.PARTITION_LOG_BYTES.samples(keys, leader_bytes(now, facts)[rows]),
            c.PARTITION_LEADER.samples(keys, unknown_unless(believed, leader)),
            c.PARTITION_IN_SYNC.samples(keys, unknown_unless(believed, in_sync)),
        ]


def rows_of(now: ClusterSnapshot, topology: Topology) -> tuple[Int64s, Keys]:
    """Return the rows of the selected topics' partitions, and their keys."""
    rows = np.flatnonzero(now.selected[topology.topic])
    named = zip(topology.topic[rows].tolist(), topology.partition[rows].tolist(), strict=True)
    return rows, Keys(PARTITION, [(now.cluster, topology.topics[t], str(p)) for t, p in named])


def commits_of(now: ClusterSnapshot, topology: Topology) -> tuple[Int64s, Keys]:
    """Return the places of the commits to the selected topics, and their keys."""
    commits = now.commits
    places = np.flatnonzero((commits.row >= 0) & (commits.group >= 0))
    places = places[now.selected[topology.topic[commits.row[places]]]]
    rows = commits.row[places]
    group, topic, partition = commits.group[places], topology.topic[rows], topology.partition[rows]
    named = zip(group.tolist(), topic.tolist(), partition.tolist(), strict=True)
    groups = now.groups.groups
    return places, Keys(
        GROUP_PARTITION, [(now.cluster, groups[g].name, topology.topics[t], str(p)) for g, t, p in named]
    )
