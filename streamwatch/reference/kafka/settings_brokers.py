"""The configurations of brokers that the model knows: a real broker of 4.3 has 340."""

from collections.abc import Mapping
from typing import Final

from streamwatch.reference.kafka.settings_groups import GROUP
from streamwatch.reference.kafka.settings_kinds import Kind, KnownSetting
from streamwatch.reference.kafka.settings_topics import TOPIC

_OF_TOPICS: Final = {
    one.broker: KnownSetting(one.kind, one.default, allowed=one.allowed, least=one.least, most=one.most)
    for one in TOPIC.values()
    if one.broker
}
_OF_GROUPS: Final = {
    one.broker: KnownSetting(one.kind, one.default, least=one.least, is_dynamic=False)
    for one in GROUP.values()
    if one.broker
}


def _fixed(kind: Kind, default: str) -> KnownSetting:
    return KnownSetting(kind, default, is_dynamic=False)


BROKER: Final[Mapping[str, KnownSetting]] = {
    **_OF_TOPICS,
    **_OF_GROUPS,
    "auto.create.topics.enable": _fixed("boolean", "true"),
    "broker.session.timeout.ms": _fixed("int", "9000"),
    "controlled.shutdown.enable": _fixed("boolean", "true"),
    "default.replication.factor": _fixed("int", "1"),
    "delete.topic.enable": _fixed("boolean", "true"),
    "fetch.max.bytes": _fixed("int", "57671680"),
    "group.consumer.max.assignment.interval.ms": _fixed("int", "15000"),
    "group.consumer.max.heartbeat.interval.ms": _fixed("int", "15000"),
    "group.consumer.max.session.timeout.ms": _fixed("int", "60000"),
    "group.consumer.min.assignment.interval.ms": _fixed("int", "0"),
    "group.consumer.min.heartbeat.interval.ms": _fixed("int", "5000"),
    "group.consumer.min.session.timeout.ms": _fixed("int", "45000"),
    "group.initial.rebalance.delay.ms": _fixed("int", "3000"),
    "group.max.session.timeout.ms": _fixed("int", "1800000"),
    "group.max.size": _fixed("int", "2147483647"),
    "group.min.session.timeout.ms": _fixed("int", "6000"),
    "group.share.max.assignment.interval.ms": _fixed("int", "15000"),
    "group.share.max.delivery.count.limit": _fixed("int", "10"),
    "group.share.max.heartbeat.interval.ms": _fixed("int", "15000"),
    "group.share.max.partition.max.record.locks": _fixed("int", "4000"),
    "group.share.max.record.lock.duration.ms": _fixed("int", "60000"),
    "group.share.max.session.timeout.ms": _fixed("int", "60000"),
    "group.share.min.assignment.interval.ms": _fixed("int", "0"),
    "group.share.min.delivery.count.limit": _fixed("int", "2"),
    "group.share.min.heartbeat.interval.ms": _fixed("int", "5000"),
    "group.share.min.partition.max.record.locks": _fixed("int", "100"),
    "group.share.min.record.lock.duration.ms": _fixed("int", "15000"),
    "group.share.min.session.timeout.ms": _fixed("int", "45000"),
    "group.streams.max.assignment.interval.ms": _fixed("int", "15000"),
    "group.streams.max.heartbeat.interval.ms": _fixed("int", "15000"),
    "group.streams.max.session.timeout.ms": _fixed("int", "60000"),
    "group.streams.max.standby.replicas": _fixed("int", "2"),
    "group.streams.min.assignment.interval.ms": _fixed("int", "0"),
    "group.streams.min.heartbeat.interval.ms": _fixed("int", "5000"),
    "group.streams.min.session.timeout.ms": _fixed("int", "45000"),
    "log.retention.check.interval.ms": _fixed("long", "300000"),
    "max.incremental.fetch.session.cache.slots": _fixed("int", "1000"),
    "num.io.threads": KnownSetting("int", "8", least=1),
    "num.network.threads": KnownSetting("int", "3", least=1),
    "num.partitions": _fixed("int", "1"),
    "offsets.retention.minutes": _fixed("int", "10080"),
    "offsets.topic.num.partitions": _fixed("int", "50"),
    "offsets.topic.replication.factor": _fixed("short", "3"),
    "queued.max.requests": _fixed("int", "500"),
    "replica.fetch.wait.max.ms": _fixed("int", "500"),
    "replica.lag.time.max.ms": _fixed("long", "30000"),
    "socket.request.max.bytes": _fixed("int", "104857600"),
    "transaction.max.timeout.ms": _fixed("int", "900000"),
    "transaction.state.log.num.partitions": _fixed("int", "50"),
    "transaction.state.log.replication.factor": _fixed("short", "3"),
}
