"""What MSK tells CloudWatch of a cluster once a minute, at the enhanced-monitoring level chosen: namespace AWS/Kafka.

Left out, for the model has no such thing: EBS volumes and credits, traffic shaping, ZooKeeper, tiers, the heap.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.jmx_page import lags, replica_manager
from streamwatch.reference.kafka.measures import Measures
from streamwatch.reference.kafka.node_page import cpu_seconds, memory
from streamwatch.reference.kafka.partition import NO_LEADER
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.metrics import Dimensions

NAMESPACE: Final = "AWS/Kafka"
LEVELS: Final = ("DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION")
_PHASES: Final = {
    "TotalTime": "total",
    "RequestQueueTime": "queue",
    "LocalTime": "local",
    "ResponseQueueTime": "response_queue",
    "ResponseSendTime": "send",
}
_REQUESTS: Final = {"Produce": "Produce", "FetchConsumer": "FetchConsumer", "FetchFollower": "FetchFollower"}
_MEMORY: Final = {
    "MemoryFree": "MemFree",
    "MemoryBuffered": "Buffers",
    "MemoryCached": "Cached",
    "SwapFree": "SwapFree",
}
_CPU: Final = {"CpuUser": "user", "CpuSystem": "system", "CpuIdle": "idle", "CpuIoWait": "iowait"}
_SEGMENT_BYTES: Final = 1448

Point = tuple[str, Dimensions, float, str]
"""Metric, dimensions, value, unit."""


@dataclass(slots=True)
class _Before:
    """What a broker's counters were a minute ago."""

    received: int = 0
    sent: int = 0
    dropped_in: float = 0.0
    dropped_out: float = 0.0
    created: int = 0
    closed: int = 0


@dataclass(slots=True)
class Sampler:
    """Takes the points of one cluster."""

    cluster: str
    level: str = "DEFAULT"
    _brokers: dict[int, _Before] = field(default_factory=dict)
    _cpu: dict[str, float] = field(default_factory=dict)

    def sample(self, site: Site, now: float) -> list[Point]:
        """Return the points of this minute; a broker that does not run tells nothing."""
        points = list(self._of_cluster(site))
        cpu = self._cpu_shares()
        for number, broker in site.cluster.brokers.items():
            if broker.is_running and not broker.is_frozen:
                points += self._of_broker(site, broker, now)
                points += self._of_host(site.measures[number], number)
                points += [(name, self._at(number), value, "Percent") for name, value in cpu.items()]
            elif number in self._brokers:
                del self._brokers[number]
        points += self._of_groups(site)
        return points

    def _at(self, broker: int | None = None, **others: str) -> Dimensions:
        named = {"Cluster Name": self.cluster} | ({} if broker is None else {"Broker ID": str(broker)})
        return tuple(sorted((named | {name.replace("_", " "): value for name, value in others.items()}).items()))

    def _has(self, level: str) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(level)

    def _of_cluster(self, site: Site) -> Iterator[Point]:
        cluster = site.cluster
        leader = cluster.controller.leader
        running = [one for one in cluster.brokers.values() if one.is_running]
        for index, _ in enumerate(running):
            # Each broker reports into the one series: the sum is 1 where there is a controller, the average 1/N.
            yield "ActiveControllerCount", self._at(), float(index == 0 and leader is not None), "Count"
        if leader is not None:
            partitions = list(cluster.partitions())
            yield "GlobalPartitionCount", self._at(), float(len(partitions)), "Count"
            yield "GlobalTopicCount", self._at(), float(len(cluster.topics)), "Count"
            offline = sum(one.state.leader == NO_LEADER for one in partitions)
            yield "OfflinePartitionsCount", self._at(), float(offline), "Count"
        volumes = [volume for one in running for volume in one.dirs]
        if volumes:
            used = 1 - sum(one.free for one in volumes) / sum(one.capacity for one in volumes)
            yield "KafkaDataLogsDiskUsed", self._at(), 100 * used, "Percent"

    def _of_broker(self, site: Site, broker: Broker, now: float) -> Iterator[Point]:
        at, measures = self._at(broker.id), site.measures[broker.id]
        counts = replica_manager(site, broker)
        for name in ("PartitionCount", "LeaderCount", "UnderReplicatedPartitions", "UnderMinIsrPartitionCount"):
            yield name, at, float(counts[name]), "Count"
        used = max((1 - one.free / one.capacity for one in broker.dirs), default=0.0)
        yield "KafkaDataLogsDiskUsed", at, 100 * used, "Percent"
        root = shutil.disk_usage("/")
        for name in ("RootDiskUsed", "KafkaAppLogsDiskUsed"):
            yield name, at, 100 * (1 - root.free / root.total), "Percent"
        yield from self._traffic(measures, broker.id, now)
        yield from self._requests(measures, at)
        yield from self._connections(measures, broker.id)
        if self._has("PER_BROKER"):
            threads = site.cluster.settings.number("num.io.threads")
            busy = measures.busy.rates(now)[0]
            yield "RequestHandlerAvgIdlePercent", at, max(0.0, 1 - busy / threads), "Percent"  # a ratio, as MSK's is
            yield "ReplicationBytesInPerSec", at, measures.all_topics.replication_in.rates(now)[0], "Bytes/Second"
            yield "ReplicationBytesOutPerSec", at, measures.all_topics.replication_out.rates(now)[0], "Bytes/Second"
            for quota, value in measures.throttled.items():
                yield f"{quota.capitalize()}ThrottleTime", at, value, "Milliseconds"

    def _traffic(self, measures: Measures, broker: int, now: float) -> Iterator[Point]:
        whole = measures.all_topics
        yield "BytesInPerSec", self._at(broker), whole.bytes_in.rates(now)[0], "Bytes/Second"
        yield "BytesOutPerSec", self._at(broker), whole.bytes_out.rates(now)[0], "Bytes/Second"
        yield "MessagesInPerSec", self._at(broker), whole.messages_in.rates(now)[0], "Count/Second"
        for topic, one in measures.topics.items():
            at = self._at(broker, Topic=topic)
            if one.bytes_in.count:  # a topic's series begins with its first value that is not zero
                yield "BytesInPerSec", at, one.bytes_in.rates(now)[0], "Bytes/Second"
                if self._has("PER_TOPIC_PER_BROKER"):
                    yield "MessagesInPerSec", at, one.messages_in.rates(now)[0], "Count/Second"
            if one.bytes_out.count:
                yield "BytesOutPerSec", at, one.bytes_out.rates(now)[0], "Bytes/Second"

    def _requests(self, measures: Measures, at: Dimensions) -> Iterator[Point]:
        for told, request in _REQUESTS.items():
            if request not in measures.requests:
                continue
            one = measures.requests[request]
            for name, phase in _PHASES.items():
                free = (told, name) == ("Produce", "TotalTime")
                if free or self._has("PER_BROKER"):
                    yield f"{told}{name}MsMean", at, one.phases[phase].mean, "Milliseconds"
        sizes = [one.size for one in measures.requests.values() if one.size.count]
        if sizes:
            mean = sum(one.total for one in sizes) / sum(one.count for one in sizes)
            yield "RequestBytesMean", at, mean, "Bytes"

    def _connections(self, measures: Measures, broker: int) -> Iterator[Point]:
        at = self._at(broker)
        yield "ConnectionCount", at, float(sum(measures.connections.values())), "Count"
        kinds = {"PLAINTEXT": "", "SSL": "SSL", "SASL_SCRAM": "SASL_SCRAM", "IAM": "IAM"}
        for listener, count in measures.connections.items():
            if kinds.get(listener):
                yield "ClientConnectionCount", self._at(broker, Client_Authentication=kinds[listener]), count, "Count"
        if self._has("PER_BROKER"):
            before = self._brokers.setdefault(broker, _Before())
            created, closed = sum(measures.connections_created.values()), sum(measures.connections_closed.values())
            yield "ConnectionCreationRate", at, (created - before.created) / 60, "Count/Second"
            yield "ConnectionCloseRate", at, (closed - before.closed) / 60, "Count/Second"
            before.created, before.closed = created, closed

    def _of_host(self, measures: Measures, broker: int) -> Iterator[Point]:
        at, before = self._at(broker), self._brokers.setdefault(broker, _Before())
        sizes = dict(memory())
        for name, own in _MEMORY.items():
            if own in sizes:
                yield name, at, float(sizes[own]), "Bytes"
        if {"MemTotal", "MemFree"} <= sizes.keys():
            yield "MemoryUsed", at, float(sizes["MemTotal"] - sizes["MemFree"]), "Bytes"
        received, sent = measures.network_bytes_in, measures.network_bytes_out
        for way, size, dropped in (
            ("Rx", received - before.received, measures.dropped_in - before.dropped_in),
            ("Tx", sent - before.sent, measures.dropped_out - before.dropped_out),
        ):
            yield f"Network{way}Packets", at, float(-(-size // _SEGMENT_BYTES)), "Count"
            yield f"Network{way}Dropped", at, dropped, "Count"
            yield f"Network{way}Errors", at, 0.0, "Count"
        before.received, before.sent = received, sent
        before.dropped_in, before.dropped_out = measures.dropped_in, measures.dropped_out

    def _cpu_shares(self) -> dict[str, float]:
        """Return how this host's processors spent the time since the last sample, in percent."""
        now: dict[str, float] = {}
        for _, mode, seconds in cpu_seconds():
            now[mode] = now.get(mode, 0.0) + seconds
        spent = {mode: seconds - self._cpu.get(mode, 0.0) for mode, seconds in now.items()}
        self._cpu = now
        total = sum(spent.values())
        return {name: 100 * spent.get(mode, 0.0) / total for name, mode in _CPU.items()} if total > 0 else {}

    def _of_groups(self, site: Site) -> Iterator[Point]:
        """Lag, of groups that are stable or empty and whose names MSK can tell."""
        for group in site.groups.list():
            if group.state not in {"Stable", "Empty"} or not group.name.isascii() or ":" in group.name:
                continue
            topics: dict[str, list[int]] = {}
            for topic, index, lag in lags(site, group.name):
                topics.setdefault(topic, []).append(lag)
                if self._has("PER_TOPIC_PER_PARTITION"):
                    at = self._at(Consumer_Group=group.name, Topic=topic, Partition=str(index))
                    yield "OffsetLag", at, float(lag), "Count"
            for topic, values in topics.items():
                at = self._at(Consumer_Group=group.name, Topic=topic)
                yield "SumOffsetLag", at, float(sum(values)), "Count"
                yield "MaxOffsetLag", at, float(max(values)), "Count"
