"""What kafka_exporter would say of a cluster, under its names; what is not known is absent here, too."""

import numpy as np

from streamwatch.catalogue import kafka_exporter as c
from streamwatch.collectors.backlog import backlog
from streamwatch.collectors.columns import known, unknown_unless
from streamwatch.collectors.health import JudgedPartitions
from streamwatch.collectors.partitions import commits_of, rows_of
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import ClusterSnapshot, Int64s
from streamwatch.model.metric import UNKNOWN, Keys, Samples, Values


class KafkaExporterCollector:
    """Gives partitions, and groups' commits, by kafka_exporter's names."""

    def __init__(self, judged: JudgedPartitions | None = None) -> None:
        self._judged = JudgedPartitions() if judged is None else judged
        self._rows = Memo[tuple[Int64s, Keys]]()
        self._commits = Memo[tuple[Int64s, Keys]]()
        self._sums = Memo[tuple[Int64s, Keys]]()
        self._groups = Memo[Keys]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of the selected partitions, and of the groups in them."""
        topology = now.topology
        if topology is None:
            return []
        facts, health = self._judged.facts(topology), self._judged.health(now, topology)
        rows, keys = self._rows.get(lambda: rows_of(now, topology), topology, now.selected)
        leader = topology.leader.astype(np.float64)
        leader[health.offline] = UNKNOWN
        preferred = np.where(health.offline, UNKNOWN, topology.leader == facts.preferred)
        believed = {
            c.LEADER: leader,
            c.IS_PREFERRED: preferred,
            c.IN_SYNC: facts.in_sync.astype(np.float64),
            c.UNDER_REPLICATED: health.lacks_replicas.astype(np.float64),
        }
        return [
            c.BUILD_INFO.sample(1.0, kafka_cluster=now.cluster),
            c.CURRENT_OFFSET.samples(keys, known(now.end_offset)[rows]),
            c.OLDEST_OFFSET.samples(keys, known(now.start_offset)[rows]),
            c.REPLICAS.samples(keys, facts.replicas.astype(np.float64)[rows]),
            *(one.samples(keys, unknown_unless(not now.metadata_frozen, v[rows])) for one, v in believed.items()),
            *self._of_groups(now),
        ]

    def _of_groups(self, now: ClusterSnapshot) -> list[Samples]:
        topology = now.topology
        assert topology is not None  # noqa: S101 - asked by who calls
        places, keys = self._commits.get(lambda: _renamed(*commits_of(now, topology)), now.commits, now.selected)
        left = backlog(now, places, now.commits.row[places])
        owner, sums = self._sums.get(lambda: _sums(keys), keys)
        groups = now.groups.groups
        members = self._groups.get(lambda: Keys(c.GROUP, [(now.cluster, group.name) for group in groups]), now.groups)
        counts = np.array(
            [UNKNOWN if group.members is None else float(group.members) for group in groups], dtype=np.float64
        )
        return [
            c.COMMITTED.samples(keys, left.committed),
            c.LAG.samples(keys, left.lag),
            c.COMMITTED_SUM.samples(sums, _added(left.committed, owner, len(sums))),
            c.LAG_SUM.samples(sums, _added(left.lag, owner, len(sums))),
            c.MEMBERS.samples(members, counts),
        ]


def _renamed(places: Int64s, keys: Keys) -> tuple[Int64s, Keys]:
    return places, Keys(c.GROUP_PARTITION, keys.rows)


def _sums(keys: Keys) -> tuple[Int64s, Keys]:
    """Return to which group and topic each row belongs, and their keys."""
    places: dict[tuple[str, ...], int] = {}
    owner = np.array([places.setdefault(row[:3], len(places)) for row in keys.rows], dtype=np.int64)
    return owner, Keys(c.GROUP_TOPIC, list(places))


def _added(values: Values, owner: Int64s, count: int) -> Values:
    """Return the sums by owner; unknown where an addend is."""
    return np.bincount(owner, weights=values, minlength=count).astype(np.float64)
