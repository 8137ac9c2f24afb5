"""A source on a prepared cluster of its own, and what it reads there, as plain values."""

from collections.abc import Callable
from typing import Any

from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.config import Pulse
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth

TOPICS = {"clicks": 3, "orders": 6}
COMMITS = {"billing": {("orders", p): 10 * p for p in range(6)}, "audit": {("clicks", 0): 7}}
DEADLINE = 4.0

Make = Callable[..., tuple[KafkaSource, PreparedCluster]]


def truth(**facts: Any) -> Truth:
    """Return what the cluster is if nothing else is given."""
    return Truth(dict(TOPICS), **({"commits": {name: dict(own) for name, own in COMMITS.items()}} | facts))


def source_of(cluster: PreparedCluster, **settings: Any) -> KafkaSource:
    """Return a source that reads this cluster when it is asked to, and does nothing between."""
    plain: dict[str, Any] = {
        "name": "prepared",
        "bootstrap": servers(cluster.bootstrap),
        "deadline": DEADLINE,
        "request_timeout": 0.5,
        "connect_timeout": 1.0,
        "pulse": Pulse(enabled=False, deadline=0.4),  # a broker that takes a whole request_timeout is down
    }
    return KafkaSource(Config(**(plain | settings)), SystemClock(), lambda: None)


def facts(now: ClusterSnapshot) -> dict[str, Any]:
    """Return all that a snapshot says, by the parts that stand and fall together."""
    topology = now.topology
    assert topology is not None
    row = list(zip([topology.topics[t] for t in topology.topic.tolist()], topology.partition.tolist(), strict=True))
    names = [group.name for group in now.groups.groups]
    keys = zip(now.commits.group.tolist(), now.commits.row.tolist(), now.committed.tolist(), strict=True)
    answered = dict(zip(names, now.commits.answered.tolist(), strict=True))
    settings = zip(now.min_isr.tolist(), now.retention_ms.tolist(), now.retention_bytes.tolist(), strict=True)
    return {
        "brokers": [(broker.id, broker.up, broker.registered) for broker in now.brokers],
        "controllers": repr(now.controllers),
        "leaders": dict(zip(row, topology.leader.tolist(), strict=True)),
        "ends": dict(zip(row, now.end_offset.tolist(), strict=True)),
        "starts": dict(zip(row, now.start_offset.tolist(), strict=True)),
        "groups": {one.name: (one.type, one.state, one.members) for one in now.groups.groups},
        "all groups": now.groups_complete,
        "commits": ({(names[g], *row[r]): offset for g, r, offset in keys}, answered),
        "settings": dict(zip(topology.topics, settings, strict=True)),
        "sizes": now.replica_bytes.tolist(),
        "disks": now.log_dirs,
        "reassigning": repr(now.reassigning),
    }
