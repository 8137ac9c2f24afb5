"""What MSK tells CloudWatch of a cluster once a minute, at the enhanced-monitoring level chosen: namespace AWS/Kafka.

Of Standard and Express brokers; a serverless cluster tells of topics and groups only. Left out, for the model has no
such thing: EBS volumes and credits, traffic shaping, tiers, the heap (HeapMemoryAfterGC), how idle network threads are
(NetworkProcessorAvgIdlePercent), and of throttling everything but its time (ThrottleByteRate, ThrottleQueueSize).
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.aws.msk_kinds import LEVELS, NOT_ON_EXPRESS, Kind
from streamwatch.reference.aws.msk_lag import Lags, by_topic, drained_in
from streamwatch.reference.aws.msk_serverless import traffic
from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.host import cpu_seconds, memory
from streamwatch.reference.kafka.jmx_page import replica_manager
from streamwatch.reference.kafka.measures import Measures
from streamwatch.reference.kafka.partition import NO_LEADER
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.metrics import Dimensions

NAMESPACE: Final = "AWS/Kafka"
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
_CLIENTS: Final = {"TLS": "SSL", "SSL": "SSL", "SASL_SCRAM": "SASL_SCRAM", "IAM": "IAM"}
"""What MSK calls the clients of a listener; those that nobody authenticates it does not count."""
_CONNECTED, _CONNECTING = 1.0, 0.5
"""ZooKeeper's session states, as MSK numbers them."""

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
    kind: Kind = "standard"
    under_provisioned: bool = False
    """Whether MSK finds the brokers too few or too small (Express)."""
    _lags: Lags = field(default_factory=Lags)
    _brokers: dict[int, _Before] = field(default_factory=dict)
    _cpu: dict[str, float] = field(default_factory=dict)

    def sample(self, site: Site, now: float) -> list[Point]:
        """Return the points of this minute; a broker that does not run tells nothing."""
        if self.kind == "serverless":
            topics = [(name, self._at(Topic=topic), value, unit) for name, topic, value, unit in traffic(site, now)]
            return [*topics, *self._of_groups(site, "MaxEstimatedTimeLag")]
        points = [*self._of_cluster(site), *self._of_brokers(site, now), *self._of_groups(site, "EstimatedMaxTimeLag")]
        if self.kind == "express":
            return [one for one in points if one[0] not in NOT_ON_EXPRESS] + list(self._of_storage(site))
        return points

    def _of_brokers(self, site: Site, now: float) -> Iterator[Point]:
        cpu = self._cpu_shares()
        for number, broker in site.cluster.brokers.items():
            if broker.is_running and not broker.is_frozen:
                yield from self._of_broker(site, broker, now)
                yield from self._of_host(site.measures[number], number)
                yield from ((name, self._at(number), value, "Percent") for name, value in cpu.items())
            elif number in self._brokers:
                del self._brokers[number]

    def _of_storage(self, site: Site) -> Iterator[Point]:
        """What Express clusters tell instead of disks: their storage is one, and does not grow with replicas."""
        used = sum(
            max((replica.log.size for replica in one.replicas.values()), default=0) for one in site.cluster.partitions()
        )
        yield "StorageUsed", self._at(), float(used), "Bytes"
        moves = any(one.state.adding or one.state.removing for one in site.cluster.partitions())
        yield "RebalanceInProgress", self._at(), float(moves), "Count"
        yield "UnderProvisioned", self._at(), float(self.under_provisioned), "Count"
        for number, broker in site.cluster.brokers.items():
            if broker.is_running and not broker.is_frozen:
                has_any = any(not one.topic.is_internal for one in broker.partitions)
                yield "UserPartitionExists", self._at(number), float(has_any), "Count"

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
        yield from self._connections(site, measures, broker.id)
        if not site.cluster.spec.kraft:
            yield from self._zookeeper(broker)
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
        for word, request in _REQUESTS.items():
            if request not in measures.requests:
                continue
            one = measures.requests[request]
            for name, phase in _PHASES.items():
                free = (word, name) == ("Produce", "TotalTime")
                if free or self._has("PER_BROKER"):
                    yield f"{word}{name}MsMean", at, one.phases[phase].mean, "Milliseconds"
        sizes = [one.size for one in measures.requests.values() if one.size.count]
        if sizes:
            mean = sum(one.total for one in sizes) / sum(one.count for one in sizes)
            yield "RequestBytesMean", at, mean, "Bytes"

    def _zookeeper(self, broker: Broker) -> Iterator[Point]:
        at = self._at(broker.id)
        yield "ZooKeeperSessionState", at, _CONNECTED if broker.is_connected else _CONNECTING, "Count"
        if broker.is_connected:  # the model's ZooKeeper answers at once
            yield "ZooKeeperRequestLatencyMsMean", at, 0.0, "Milliseconds"

    def _connections(self, site: Site, measures: Measures, broker: int) -> Iterator[Point]:
        """Each network processor tells its own: the sum is the broker's, the average is nobody's."""
        at, threads = self._at(broker), site.cluster.settings.number("num.network.threads")
        yield "ConnectionCount", at, float(sum(measures.connections.values())), "Count"
        for listener, count in measures.connections.items():
            if listener in _CLIENTS:
                place = self._at(broker, Client_Authentication=_CLIENTS[listener])
                for share in _dealt(count, threads):
                    yield "ClientConnectionCount", place, float(share), "Count"
        if self._has("PER_BROKER"):
            before = self._brokers.setdefault(broker, _Before())
            created, closed = sum(measures.connections_created.values()), sum(measures.connections_closed.values())
            for share in _dealt(created - before.created, threads):
                yield "ConnectionCreationRate", at, share / 60, "Count/Second"
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

    def _of_groups(self, site: Site, estimated: str) -> Iterator[Point]:
        """Lag by topic; ``estimated`` is what the time to drain it is called."""
        behind = self._lags.sample(site)
        if self.kind != "serverless" and self._has("PER_TOPIC_PER_PARTITION"):
            for one in behind:
                at = self._at(Consumer_Group=one.group, Topic=one.topic, Partition=str(one.partition))
                yield "OffsetLag", at, float(one.lag), "Count"
                if one.seconds is not None:
                    yield "EstimatedTimeLag", at, one.seconds, "Seconds"
        for group, topic, ones in by_topic(behind):
            at = self._at(Consumer_Group=group, Topic=topic)
            yield "SumOffsetLag", at, float(sum(one.lag for one in ones)), "Count"
            yield "MaxOffsetLag", at, float(max(one.lag for one in ones)), "Count"
            seconds = drained_in(ones)
            if seconds is not None:
                yield estimated, at, seconds, "Seconds"


def _dealt(count: int, among: int) -> list[int]:
    """Return the share of each, as connections are dealt to network processors: in turn."""
    whole, left = divmod(count, among)
    return [whole + (index < left) for index in range(among)]
