"""Configurations of topics and brokers: what exists, its type and its default, as in Kafka's documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["boolean", "string", "int", "long", "double", "list"]


@dataclass(frozen=True, slots=True)
class Known:
    """One configuration: its type, its default, and the broker's that a topic falls back to."""

    kind: Kind
    default: str
    broker: str | None = None
    allowed: tuple[str, ...] = ()


TOPIC: Final[Mapping[str, Known]] = {
    "cleanup.policy": Known("list", "delete", "log.cleanup.policy", ("delete", "compact")),
    "compression.type": Known(
        "string", "producer", "compression.type", ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
    ),
    "delete.retention.ms": Known("long", "86400000", "log.cleaner.delete.retention.ms"),
    "file.delete.delay.ms": Known("long", "60000", "log.segment.delete.delay.ms"),
    "flush.messages": Known("long", "9223372036854775807", "log.flush.interval.messages"),
    "flush.ms": Known("long", "9223372036854775807", "log.flush.interval.ms"),
    "follower.replication.throttled.replicas": Known("list", ""),
    "index.interval.bytes": Known("int", "4096", "log.index.interval.bytes"),
    "leader.replication.throttled.replicas": Known("list", ""),
    "max.compaction.lag.ms": Known("long", "9223372036854775807", "log.cleaner.max.compaction.lag.ms"),
    "max.message.bytes": Known("int", "1048588", "message.max.bytes"),
    "message.timestamp.type": Known(
        "string", "CreateTime", "log.message.timestamp.type", ("CreateTime", "LogAppendTime")
    ),
    "min.cleanable.dirty.ratio": Known("double", "0.5", "log.cleaner.min.cleanable.ratio"),
    "min.compaction.lag.ms": Known("long", "0", "log.cleaner.min.compaction.lag.ms"),
    "min.insync.replicas": Known("int", "1", "min.insync.replicas"),
    "preallocate": Known("boolean", "false", "log.preallocate"),
    "retention.bytes": Known("long", "-1", "log.retention.bytes"),
    "retention.ms": Known("long", "604800000", "log.retention.ms"),
    "segment.bytes": Known("int", "1073741824", "log.segment.bytes"),
    "segment.index.bytes": Known("int", "10485760", "log.index.size.max.bytes"),
    "segment.jitter.ms": Known("long", "0", "log.roll.jitter.ms"),
    "segment.ms": Known("long", "604800000", "log.roll.ms"),
    "unclean.leader.election.enable": Known("boolean", "false", "unclean.leader.election.enable"),
}

_OF_TOPICS: Final = {one.broker: Known(one.kind, one.default) for one in TOPIC.values() if one.broker}

BROKER: Final[Mapping[str, Known]] = {
    **_OF_TOPICS,
    "auto.create.topics.enable": Known("boolean", "true"),
    "broker.session.timeout.ms": Known("int", "9000"),
    "controlled.shutdown.enable": Known("boolean", "true"),
    "default.replication.factor": Known("int", "1"),
    "delete.topic.enable": Known("boolean", "true"),
    "fetch.max.bytes": Known("int", "57671680"),
    "group.consumer.heartbeat.interval.ms": Known("int", "5000"),
    "group.consumer.session.timeout.ms": Known("int", "45000"),
    "group.initial.rebalance.delay.ms": Known("int", "3000"),
    "group.max.size": Known("int", "2147483647"),
    "group.max.session.timeout.ms": Known("int", "1800000"),
    "group.min.session.timeout.ms": Known("int", "6000"),
    "log.retention.check.interval.ms": Known("long", "300000"),
    "max.incremental.fetch.session.cache.slots": Known("int", "1000"),
    "num.io.threads": Known("int", "8"),
    "num.network.threads": Known("int", "3"),
    "num.partitions": Known("int", "1"),
    "offsets.retention.minutes": Known("int", "10080"),
    "offsets.topic.num.partitions": Known("int", "50"),
    "offsets.topic.replication.factor": Known("int", "3"),
    "queued.max.requests": Known("int", "500"),
    "replica.fetch.wait.max.ms": Known("int", "500"),
    "replica.lag.time.max.ms": Known("long", "30000"),
    "socket.request.max.bytes": Known("int", "104857600"),
    "transaction.max.timeout.ms": Known("int", "900000"),
    "transaction.state.log.num.partitions": Known("int", "50"),
    "transaction.state.log.replication.factor": Known("int", "3"),
}


class BadSetting(ValueError):
    """A configuration that does not exist, or a value that it cannot have."""


def check(known: Mapping[str, Known], name: str, value: str) -> None:
    """Raise BadSetting where a name or its value is wrong; the message is Kafka's, more or less."""
    if name not in known:
        raise BadSetting(f"Unknown configuration: {name}")
    one = known[name]
    wrong = f"Invalid value {value} for configuration {name}: "
    try:
        if one.kind in {"int", "long"}:
            int(value)
        elif one.kind == "double":
            float(value)
    except ValueError:
        raise BadSetting(f"{wrong}Not a number of type {one.kind.upper()}") from None
    if one.kind == "boolean" and value.lower() not in {"true", "false"}:
        raise BadSetting(f"{wrong}Expected value to be either true or false")
    parts = value.split(",") if one.kind == "list" else [value]
    if one.allowed and not set(parts) <= set(one.allowed):
        raise BadSetting(f"{wrong}String must be one of: {', '.join(one.allowed)}")
    if name == "min.insync.replicas" and int(value) < 1:
        raise BadSetting(f"{wrong}Value must be at least 1")


class Settings:
    """The broker's settings of a cluster, and how a topic's fall back to them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        for name, value in given.items():
            check(BROKER, name, value)
        self.given = dict(given)
        self.dynamic: dict[str, str] = {}
        """What was altered while the cluster ran: of all brokers alike."""

    def broker(self, name: str) -> str:
        """Return a broker's setting."""
        return self.dynamic.get(name) or self.given.get(name) or BROKER[name].default

    def number(self, name: str) -> int:
        """Return a broker's setting that is a number."""
        return int(self.broker(name))

    def seconds(self, name: str) -> float:
        """Return a broker's setting that is in milliseconds."""
        return int(self.broker(name)) / 1000

    def topic(self, own: Mapping[str, str], name: str) -> str:
        """Return a topic's setting: its own, or the broker's, or the default."""
        if name in own:
            return own[name]
        known = TOPIC[name]
        return self.broker(known.broker) if known.broker else known.default
