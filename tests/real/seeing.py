"""A source and its collectors on a real cluster, and the brokers' own word beside what they say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from streamwatch.agent.targets import kafka_collectors as collectors
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Metric, Samples
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka import KafkaSource
from tests.addresses import servers
from tests.real.kafka import KafkaCluster
from tests.snapshots import value, values
from tests.waiting import wait_for

Words = dict[str, float | None]
"""Counts by name; by name and broker where they are a broker's."""

OF_BROKERS = {
    "UnderReplicatedPartitions": k.BROKER_UNDER_REPLICATED,
    "UnderMinIsrPartitionCount": k.BROKER_UNDER_MIN_ISR,
    "AtMinIsrPartitionCount": k.BROKER_AT_MIN_ISR,
    "PartitionCount": k.BROKER_PARTITIONS,
    "LeaderCount": k.BROKER_LEADERS,
}
OF_THE_CLUSTER = {
    "ActiveControllerCount": k.ACTIVE_CONTROLLERS,
    "OfflinePartitionsCount": k.OFFLINE_PARTITIONS,
    "GlobalPartitionCount": k.PARTITIONS,
    "GlobalTopicCount": k.TOPICS,
}


@dataclass
class Eyes:
    """Reads a cluster as the agent does, one read a call."""

    source: KafkaSource
    config: ClusterConfig
    felt: Event = field(default_factory=Event)
    now: ClusterSnapshot | None = None
    samples: list[Samples] = field(default_factory=list)

    def look(self) -> ClusterSnapshot:
        """Read once, and collect."""
        self.felt.clear()
        self.now = self.source.read()
        self.samples = [s for one in self._collectors.values() for s in one.collect(self.now)]
        return self.now

    def value(self, metric: Metric) -> float | None:
        return value(self.samples, metric)

    def values(self, metric: Metric) -> dict[str, float]:
        return values(self.samples, metric)

    def __post_init__(self) -> None:
        self._collectors = collectors(self.config)


@contextmanager
def eyes(cluster: KafkaCluster, **settings: Any) -> Iterator[Eyes]:
    """Open eyes on a cluster; partitions one by one unless told otherwise."""
    plain: dict[str, Any] = {
        "name": "real",
        "bootstrap": servers(cluster.bootstrap.split(",")),
        "granularity": "partition",
        "log_dirs_interval": 1.0,
    }
    felt = Event()
    config = ClusterConfig(**(plain | settings))
    source = KafkaSource(config, SystemClock(), felt.set)
    try:
        yield Eyes(source, config, felt)
    finally:
        source.close()


def brokers_word(cluster: KafkaCluster) -> Words:
    """Return what the brokers and the controller count themselves, by JMX."""
    words: Words = {}
    for broker in cluster.live_broker_ids:
        page = cluster.jmx(broker)
        for name in OF_BROKERS:
            words[f"{name} {broker}"] = page.get(("kafka_server_ReplicaManager_Value", frozenset({("name", name)})))
    controller = cluster.active_controller()
    assert controller is not None
    page = cluster.jmx(controller)
    for name in OF_THE_CLUSTER:
        words[name] = page.get(("kafka_controller_KafkaController_Value", frozenset({("name", name)})))
    return words


def our_word(seen: Eyes, brokers: tuple[int, ...]) -> Words:
    """Return what the collectors count, by the same names."""
    words: Words = {name: seen.value(metric) for name, metric in OF_THE_CLUSTER.items()}
    for name, metric in OF_BROKERS.items():
        by_broker = seen.values(metric)
        words |= {f"{name} {broker}": by_broker.get(str(broker)) for broker in brokers}
    return words


def agree(seen: Eyes, cluster: KafkaCluster, seconds: float = 60.0) -> Words:
    """Wait until both say the same, which includes that the cluster has settled; return what they say."""
    told: dict[str, Words] = {}

    def same() -> bool:
        seen.look()
        told["brokers"] = brokers_word(cluster)
        told["ours"] = our_word(seen, cluster.live_broker_ids)
        return told["brokers"] == told["ours"]

    try:
        wait_for(same, seconds, "the brokers and we count the same")
    except TimeoutError as late:
        theirs, ours = told["brokers"], told["ours"]
        differ = {name: (theirs.get(name), ours.get(name)) for name in theirs if theirs.get(name) != ours.get(name)}
        raise AssertionError(f"brokers' word and ours: {differ}") from late
    return told["ours"]


def partitions_where(now: ClusterSnapshot, flags: Any) -> set[tuple[str, int]]:
    """Return the partitions whose row is flagged, as Kafka's tools name them."""
    topology = now.topology
    assert topology is not None
    rows = np.flatnonzero(flags).tolist()
    return {(topology.topics[topology.topic[row]], int(topology.partition[row])) for row in rows}
