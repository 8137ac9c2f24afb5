"""Who decides in the cluster, how well the others follow, and which Kafka it is."""

import numpy as np

from streamwatch.catalogue import kafka_controllers as c
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.kafka import ClusterSnapshot, Quorum, QuorumReplica
from streamwatch.model.metric import UNKNOWN, Samples


def quorum_samples(now: ClusterSnapshot, keys_cache: KeysCache) -> list[Samples]:
    """Return what is known of the active controller and of the replicas of its log."""
    quorum = now.quorum
    if quorum is None:
        return []
    samples = [c.CONTROLLER_ID.sample(float(quorum.leader), kafka_cluster=now.cluster)]
    if quorum.epoch >= 0:
        samples.append(c.CONTROLLER_EPOCH.sample(float(quorum.epoch), kafka_cluster=now.cluster))
    leader = next((replica for replica in quorum.replicas if replica.id == quorum.leader and replica.voter), None)
    if leader is None:
        return samples
    rows = [(now.cluster, str(replica.id), _role(replica, quorum)) for replica in quorum.replicas]
    keys = keys_cache.of(c.QUORUM_REPLICA, rows)
    caught_up = np.array([replica.last_caught_up_at for replica in quorum.replicas])
    return [
        *samples,
        c.QUORUM_LAG.samples(keys, np.array([_lag(replica, leader) for replica in quorum.replicas])),
        c.QUORUM_LAG_SECONDS.samples(keys, np.maximum(leader.last_caught_up_at - caught_up, 0)),
        c.QUORUM_FETCHED.samples(keys, np.array([float(replica.log_end_offset >= 0) for replica in quorum.replicas])),
    ]


def version_samples(now: ClusterSnapshot, keys_cache: KeysCache) -> list[Samples]:
    """Return which release each broker runs, and the cluster; nothing where that is not known."""
    rows = [(now.cluster, str(broker), release) for broker, release in now.releases.items()]
    samples = [c.BROKER_VERSION_INFO.samples(keys_cache.of(c.BROKER_VERSION_INFO.labels, rows), np.ones(len(rows)))]
    if now.version or now.metadata_version:
        labels = {"version": now.version, "metadata_version": now.metadata_version}
        samples.append(c.VERSION_INFO.sample(1.0, kafka_cluster=now.cluster, **labels))
    return samples


def _role(replica: QuorumReplica, quorum: Quorum) -> str:
    if not replica.voter:
        return "observer"
    return "leader" if replica.id == quorum.leader else "follower"


def _lag(replica: QuorumReplica, leader: QuorumReplica) -> float:
    if replica.log_end_offset < 0 or leader.log_end_offset < 0:
        return UNKNOWN
    return float(max(0, leader.log_end_offset - replica.log_end_offset))
