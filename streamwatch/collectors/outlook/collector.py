"""What the loss of a broker or rack would break, as samples."""

import numpy as np

from streamwatch.catalogue import kafka_losses as c
from streamwatch.catalogue.kafka import BROKER
from streamwatch.collectors.columns import known
from streamwatch.collectors.health import JudgedPartitions
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.collectors.outlook.losses import Grid, Losses, losses, racks
from streamwatch.collectors.outlook.redundancy import redundancy
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import ClusterSnapshot, Topology
from streamwatch.model.metric import Samples, Values

Both = tuple[Losses, Losses]
"""Of brokers, and of racks."""


class LossCollector:
    """Counts anew only when brokers, replicas or settings have changed; sums sizes when they have."""

    def __init__(self, judged: JudgedPartitions | None = None) -> None:
        self._judged = JudgedPartitions() if judged is None else judged
        self._keys_cache = KeysCache()
        self._losses = Memo[Both]()
        self._leader_bytes = Memo[Grid]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples; none while the metadata cannot be believed."""
        topology = now.topology
        if topology is None or now.metadata_frozen:
            return []
        brokers = self._judged.brokers(now)
        of_brokers, of_racks = self._losses.get(
            lambda: both(now, topology), topology, now.min_isr, brokers, self._judged.adding(now)
        )
        succession = of_brokers.succession
        leader_bytes = self._leader_bytes.get(
            lambda: succession.carried(known(now.replica_bytes)), succession, now.replica_bytes
        )
        self._keys_cache.turn()
        keys = self._keys_cache.of(BROKER, [(now.cluster, str(broker.id)) for broker in brokers])
        rack_keys = self._keys_cache.of(c.RACK, [(now.cluster, rack) for rack in racks(brokers)[0]])
        return [
            c.LOSS_OFFLINE.samples(keys, of_brokers.offline),
            c.LOSS_UNCLEAN.samples(keys, of_brokers.unclean),
            c.LOSS_UNDER_MIN_ISR.samples(keys, of_brokers.under_min_isr),
            c.LOSS_STOPPED_TOPICS.samples(keys, of_brokers.stopped_topics),
            c.LOSS_DEGRADED.samples(keys, of_brokers.degraded),
            c.LOSS_LEADERS.samples(keys, _most(of_brokers, of_brokers.leaders)),
            c.LOSS_LEADER_BYTES.samples(keys, _most(of_brokers, leader_bytes)),
            c.RACK_OFFLINE.samples(rack_keys, of_racks.offline),
            c.RACK_UNCLEAN.samples(rack_keys, of_racks.unclean),
            c.RACK_UNDER_MIN_ISR.samples(rack_keys, of_racks.under_min_isr),
            c.RACK_STOPPED_TOPICS.samples(rack_keys, of_racks.stopped_topics),
            c.RACK_LEADERS.samples(rack_keys, _most(of_racks, of_racks.leaders)),
        ]


def both(now: ClusterSnapshot, topology: Topology) -> Both:
    """Count for every broker, and for every rack."""
    left, (names, rack_of) = redundancy(now, topology), racks(now.brokers)
    places = np.arange(len(now.brokers), dtype=np.int64)
    return (
        losses(left, places, len(places)),
        losses(left, rack_of, len(names)),
    )


def _most(found: Losses, grid: Grid) -> Values:
    """Return the largest of those that remain, for each domain; NaN where one is not known, or nobody remains."""
    most: Values = np.max(np.where(np.isnan(found.leaders), -1.0, grid), axis=1, initial=-1.0)
    return np.where(most == -1, np.nan, most)
