"""The cluster as a whole and each broker: what MSK's default metrics say, with the brokers' own semantics.

What follows from leadership and ISRs is believed only while a controller is there to change it: without one the
metadata is frozen, and a count taken from it would look healthy whatever happens.
"""

from dataclasses import dataclass

import numpy as np

from streamwatch.catalogue import kafka as c
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.collectors.columns import count_by, known, unknown_unless
from streamwatch.collectors.controllers import quorum_samples, version_samples
from streamwatch.collectors.health import JudgedPartitions, PartitionHealth, as_float, broker_index
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import NOT_KNOWN, Bools, Broker, ClusterSnapshot, Int32s, Topology
from streamwatch.model.metric import UNKNOWN, Keys, Metric, Samples, Values


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where leaders and replicas stand in the list of brokers."""

    leader: Int32s
    """P: index of the leading broker, -1 without one."""
    replica: Int32s
    """R: index of the broker that holds the replica."""


class ClusterCollector:
    """Counts partitions by their health, for the cluster and for each broker."""

    def __init__(self, partitions_per_broker: int, judged: JudgedPartitions | None = None) -> None:
        self._limit = partitions_per_broker
        self._judged = JudgedPartitions() if judged is None else judged
        self._keys = Memo[Keys]()
        self._keys_cache = KeysCache()
        self._brokers: tuple[Broker, ...] = ()
        self._placed = Memo[_Placed]()
        self._counts = Memo[dict[Metric, Values]]()
        self._assigned = Memo[Values]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of cluster and brokers; of what is left of them where nothing could be read."""
        brokers = self._brokers = self._judged.brokers(now)
        topology = now.topology
        keys = self._keys.get(lambda: Keys(c.BROKER, [(now.cluster, str(broker.id)) for broker in brokers]), brokers)
        samples = [
            c.ACTIVE_CONTROLLERS.sample(now.controllers, kafka_cluster=now.cluster),
            c.BROKER_UP.samples(keys, np.array([as_float(broker.up) for broker in brokers])),
        ]
        if topology is None:
            return samples
        self._keys_cache.turn()
        placed = self._placed.get(lambda: _place(topology, brokers), topology, brokers)
        facts, health = self._judged.facts(topology), self._judged.health(now, topology)
        return [
            *samples,
            *quorum_samples(now, self._keys_cache),
            *version_samples(now, self._keys_cache),
            *self._cluster(now, placed, health, led_elsewhere=topology.leader != facts.preferred),
            *self._per_broker(now, placed, health, keys),
            *_disks(now),
        ]

    def _cluster(
        self, now: ClusterSnapshot, placed: _Placed, health: PartitionHealth, led_elsewhere: Bools
    ) -> list[Samples]:
        led = ~health.offline
        moved = led & led_elsewhere
        registered = np.array([bool(broker.registered) for broker in self._brokers], dtype=bool)
        believed = not now.metadata_frozen and all(broker.registered is not None for broker in self._brokers)
        leaders = count_by(placed.leader, len(self._brokers))
        values = {
            c.OFFLINE_PARTITIONS: UNKNOWN if now.metadata_frozen else float(health.offline.sum()),
            c.UNREACHABLE_PARTITIONS: float(health.unreachable.sum()),
            c.PARTITIONS: float(len(placed.leader)),
            c.TOPICS: float(len(now.selected)),
            c.BROKERS: float(registered.sum()) if believed else UNKNOWN,
            c.REASSIGNING_PARTITIONS: now.reassigning,
            c.NON_PREFERRED_LEADERS: UNKNOWN if now.metadata_frozen else _share(int(moved.sum()), int(led.sum())),
            c.LEADER_SKEW: _skew(leaders[registered]) if believed else UNKNOWN,
            c.BYTES_SKEW: _skew(_log_bytes(now)[registered]),
            c.GROUPS: float(len(now.groups.groups)) if now.groups_complete else UNKNOWN,
        }
        samples = [metric.sample(value, kafka_cluster=now.cluster) for metric, value in values.items()]
        if now.cluster_id:
            samples.append(c.CLUSTER_INFO.sample(1.0, kafka_cluster=now.cluster, cluster_id=now.cluster_id))
        return samples

    def _per_broker(self, now: ClusterSnapshot, placed: _Placed, health: PartitionHealth, keys: Keys) -> list[Samples]:
        size, believed = len(self._brokers), not now.metadata_frozen
        counts = self._counts.get(lambda: _counts(placed, health, size), placed, health)
        assigned = self._assigned.get(lambda: count_by(placed.replica, size), placed)
        return [
            *(metric.samples(keys, unknown_unless(believed, values)) for metric, values in counts.items()),
            c.BROKER_PARTITIONS.samples(keys, assigned),
            c.BROKER_PARTITIONS_LIMIT.samples(keys, assigned / self._limit),
            c.BROKER_LOG_BYTES.samples(keys, _log_bytes(now)),
            c.BROKER_INFO.samples(
                Keys(c.BROKER_INFO.labels, [(now.cluster, str(b.id), b.host, b.rack or "") for b in self._brokers]),
                np.ones(size),
            ),
        ]


def _place(topology: Topology, brokers: tuple[Broker, ...]) -> _Placed:
    return _Placed(broker_index(brokers, topology.leader), broker_index(brokers, topology.replica))


def _counts(placed: _Placed, health: PartitionHealth, size: int) -> dict[Metric, Values]:
    """Count for each of so many brokers what its partitions and replicas are like."""
    unclear = count_by(placed.leader, size, ~health.min_isr_known) > 0
    return {
        c.BROKER_UNDER_REPLICATED: count_by(placed.leader, size, health.under_replicated),
        c.BROKER_UNDER_MIN_ISR: np.where(unclear, np.nan, count_by(placed.leader, size, health.under_min_isr)),
        c.BROKER_AT_MIN_ISR: np.where(unclear, np.nan, count_by(placed.leader, size, health.at_min_isr)),
        c.BROKER_OUT_OF_SYNC: count_by(placed.replica, size, health.lagging),
        c.BROKER_LEADERS: count_by(placed.leader, size),
    }


def _log_bytes(now: ClusterSnapshot) -> Values:
    """Return each broker's log bytes; NaN where one of its directories is not known."""
    sizes: dict[int, list[float]] = {}
    for log_dir in now.log_dirs:
        is_known = log_dir.online and log_dir.log_bytes >= 0
        sizes.setdefault(log_dir.broker, []).append(log_dir.log_bytes if is_known else UNKNOWN)
    return np.array(
        [sum(sizes[broker.id]) if broker.id in sizes else UNKNOWN for broker in now.brokers], dtype=np.float64
    )


def _disks(now: ClusterSnapshot) -> list[Samples]:
    keys = Keys(c.LOG_DIR, [(now.cluster, str(d.broker), d.path) for d in now.log_dirs])
    total = known(np.array([d.total_bytes or NOT_KNOWN for d in now.log_dirs], dtype=np.int64))
    usable = known(np.array([d.usable_bytes for d in now.log_dirs], dtype=np.int64))
    used = 1 - usable / total
    fullest: dict[int, float] = {}
    for log_dir, share in zip(now.log_dirs, used.tolist(), strict=True):
        # NaN stays: with a volume that is not known, the fullest one is not known.
        fullest[log_dir.broker] = float(np.maximum(fullest.get(log_dir.broker, -np.inf), share))
    brokers = Keys(b.DATA_DISK.labels, [(now.cluster, str(broker)) for broker in fullest])
    return [
        b.DATA_DISK.samples(brokers, np.array(list(fullest.values()), dtype=np.float64)),
        c.LOG_DIR_USED.samples(keys, used),
        c.LOG_DIR_TOTAL.samples(keys, total),
        c.LOG_DIR_USABLE.samples(keys, usable),
        c.LOG_DIR_ONLINE.samples(keys, np.array([as_float(d.online) for d in now.log_dirs])),
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else UNKNOWN


def _skew(values: Values) -> float:
    """Return by how much the largest exceeds the mean, as a share of the mean."""
    mean = float(values.mean()) if len(values) else 0.0
    return float(values.max()) / mean - 1 if mean > 0 else UNKNOWN
