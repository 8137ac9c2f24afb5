"""What comes and goes: topics, groups, members, brokers, streams and their consumers, a little of each every second."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.batch import parse
from streamwatch.reference.kafka.cluster import Cluster
from streamwatch.reference.kafka.consumer_members import JOIN, LEAVE, HeartbeatRequest
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kinesis.operations import consumers
from tests.reference.batches import records

STANDING_TOPICS: Final = 40
PARTITIONS: Final = 12
STANDING_GROUPS: Final = 20
PASSING: Final = 20
"""So many topics, groups and members are there of those that come and go; one of each comes and goes a second."""
STANDING_STREAMS, PASSING_STREAMS, STREAM_SECONDS, SHARDS = 10, 4, 10, 4
_BROKER_SECONDS: Final = 45
"""One broker stops so often, and starts a third of that later."""
_RETENTION: Final = {"retention.bytes": "4096"}
_RECORD: Final = records(b"x" * 100)


@dataclass(slots=True)
class Churn:
    """What the references have, second by second."""

    kafka: ReferenceKafka
    aws: ReferenceAws
    second: int = 0
    _names: deque[str] = field(default_factory=deque)
    """Of topics that come and go, the oldest first; their groups and members have the same."""
    _streams: deque[str] = field(default_factory=deque)
    _stopped: int | None = None

    def prepare(self) -> None:
        """Make what stands."""
        self.kafka.do(self._prepare_cluster)
        self.aws.do(_prepare_streams)

    def step(self) -> None:
        """Let a second's worth come and go."""
        self.second += 1
        self.kafka.do(self._change_cluster)
        if self.second % STREAM_SECONDS == 0:
            self.aws.do(self._change_streams)

    def _prepare_cluster(self, site: Site, now: float) -> None:
        for number in range(STANDING_TOPICS):
            _make_topic(site.cluster, f"standing-{number}", now)
        for number in range(STANDING_GROUPS):
            _commit(site, f"standing-{number}", (f"standing-{number}", f"standing-{number + 1}"), now)

    def _change_cluster(self, site: Site, now: float) -> None:
        name = f"passing-{self.second}"
        _make_topic(site.cluster, name, now)
        _commit(site, name, (name, f"standing-{self.second % STANDING_TOPICS}"), now)
        self._names.append(name)
        reader = f"standing-{self.second % STANDING_GROUPS}-readers"
        member = HeartbeatRequest(
            member_id=name,
            epoch=JOIN,
            client_id=name,
            host="/127.0.0.1",
            session_seconds=float(PASSING),
            rebalance_seconds=10.0,
            topics=(f"standing-{self.second % STANDING_TOPICS}",),
            owned=frozenset(),
        )
        site.groups.beat(reader, member, now)
        if len(self._names) > PASSING:
            self._remove(site, self._names.popleft(), now)
        site.topics_changed()
        self._write(site, now)
        self._change_brokers(site.cluster, now)

    def _remove(self, site: Site, name: str, now: float) -> None:
        second = int(name.rpartition("-")[2])
        leaves = HeartbeatRequest(member_id=name, epoch=LEAVE, client_id=name, host="/127.0.0.1")
        site.groups.beat(f"standing-{second % STANDING_GROUPS}-readers", leaves, now)
        topics.delete(site.cluster, site.cluster.topics[name], now)
        site.groups.forget_topic(name)
        site.groups.delete(name)

    def _write(self, site: Site, now: float) -> None:
        """Append a record to every partition of some topics, and let a group read one."""
        batches = parse(_RECORD)
        for at in range(self.second % 4, STANDING_TOPICS, 4):
            topic = site.cluster.topics[f"standing-{at}"]
            for partition in topic.partitions:
                if partition.leader is not None:
                    partition.append(partition.leader.broker, batches, now, int(now * 1000))
                    site.cluster.replication.advance(partition, now)
                    site.cluster.replication.changed(partition, now)
        number = self.second % STANDING_GROUPS
        _commit(site, f"standing-{number}", (f"standing-{number}",), now)

    def _change_brokers(self, cluster: Cluster, now: float) -> None:
        if self.second % _BROKER_SECONDS == 0:
            self._stopped = 1 + self.second // _BROKER_SECONDS % len(cluster.brokers)
            cluster.stop(cluster.brokers[self._stopped], now)
        elif self._stopped is not None and self.second % _BROKER_SECONDS == _BROKER_SECONDS // 3:
            cluster.start(cluster.brokers[self._stopped], now)
            self._stopped = None

    def _change_streams(self, cloud: Cloud, now: float) -> None:
        kinesis = cloud.kinesis()
        name = f"passing-{self.second}"
        kinesis.create(name, "PROVISIONED", SHARDS, now)
        self._streams.append(name)
        if len(self._streams) > PASSING_STREAMS:
            kinesis.remove(kinesis.streams[self._streams.popleft()], now)
        stream = kinesis.streams["standing-0"]
        consumers.register(kinesis, {"StreamARN": stream.arn, "ConsumerName": name}, now)
        if len(stream.consumers) > PASSING_STREAMS:
            oldest = min(stream.consumers.values(), key=lambda consumer: consumer.made)
            consumers.deregister(kinesis, {"ConsumerARN": oldest.arn}, now)


def _make_topic(cluster: Cluster, name: str, now: float) -> Topic:
    registered = sum(not broker.is_fenced for broker in cluster.brokers.values())
    assignment = topics.assign(cluster, PARTITIONS, registered)
    return topics.create(cluster, name, assignment, _RETENTION, now)


def _commit(site: Site, group: str, names: tuple[str, ...], now: float) -> None:
    offsets = {
        (partition.topic.name, partition.index): Committed(partition.leader.high_watermark, at=now)
        for name in names
        for partition in site.cluster.topics[name].partitions
        if partition.leader is not None
    }
    site.groups.put(group, offsets, now)


def _prepare_streams(cloud: Cloud, now: float) -> None:
    for number in range(STANDING_STREAMS):
        cloud.kinesis().create(f"standing-{number}", "PROVISIONED", SHARDS, now)
