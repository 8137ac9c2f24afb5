"""Which numbers are archived: few, and the most important first; the first keep their place where memory is short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import msk as m
from streamwatch.catalogue import readers as r
from streamwatch.model.metric import Metric

EntityKind = Literal["cluster", "broker", "group", "topic", "stream", "reader", "shard", "connect", "connector"]
LABELS: Final[Mapping[EntityKind, tuple[str, ...]]] = {
    "cluster": ("kafka_cluster",),
    "broker": ("kafka_cluster", "broker"),
    "group": ("kafka_cluster", "group"),
    "topic": ("kafka_cluster", "topic"),
    "stream": s.STREAM,
    "reader": r.READER,
    "shard": s.SHARD,
    "connect": ("connect_cluster",),
    "connector": ("connect_cluster", "connector"),
}
"""The labels that tell entities of a kind apart; every archived metric of them begins with these."""


@dataclass(frozen=True, slots=True)
class ArchivedNumber:
    """One number that is archived of every entity of a kind."""

    entity: EntityKind
    metric: Metric
    title: str
    """What people call it."""
    unit: Literal["seconds", "records", "records/s", "bytes", "bytes/s", "ratio", "1/s", ""]
    fold: Literal["sum", "max", "min"] = "max"
    """What becomes of series that have more labels than the entity. An unknown addend makes a sum unknown."""
    is_rate: bool = False
    """Whether what is archived is by how much the metric grows in a second."""
    of: tuple[str, ...] = ()
    """Where not all series of an entity count: those with these values of the label that comes after the entity's; all
    of them must be there."""

    name: str = field(init=False)
    """What tells it from every other: it is written in files, and never changes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.entity}.{self.metric.name}")


NUMBERS: Final[Sequence[ArchivedNumber]] = (
    ArchivedNumber("cluster", k.OFFLINE_PARTITIONS, "partitions without a leader", ""),
    ArchivedNumber("cluster", k.BROKER_UNDER_REPLICATED, "under-replicated partitions", "", "sum"),
    ArchivedNumber("cluster", k.TOPIC_END_OFFSET, "written", "records/s", "sum", is_rate=True),
    ArchivedNumber("cluster", k.BROKER_UP, "brokers that answer", "", "sum"),
    ArchivedNumber("broker", k.BROKER_UP, "answers", ""),
    ArchivedNumber("broker", k.BROKER_OUT_OF_SYNC, "replicas out of sync", ""),
    ArchivedNumber("broker", k.BROKER_LEADERS, "partitions that it leads", ""),
    ArchivedNumber("broker", k.LOG_DIR_USED, "fullest disk", "ratio"),
    ArchivedNumber("broker", b.BYTES_IN, "received", "bytes/s", is_rate=True),
    ArchivedNumber("broker", b.HANDLER_IDLE, "request handlers idle", "ratio", "min"),
    ArchivedNumber("stream", s.ITERATOR_AGE, "slowest reader is behind", "seconds"),
    ArchivedNumber("stream", s.WRITE_BYTES_USE, "bytes written, of the limit", "ratio"),
    ArchivedNumber("stream", s.WRITE_RECORDS_USE, "records written, of the limit", "ratio"),
    ArchivedNumber("stream", s.INCOMING_RECORDS, "written", "records/s", is_rate=True),
    ArchivedNumber("stream", s.WRITE_THROTTLED, "refused writes", "records/s", is_rate=True),
    ArchivedNumber("stream", s.READ_THROTTLED, "refused reads", "1/s", is_rate=True),
    ArchivedNumber("reader", r.LAG, "lag, time", "seconds"),
    ArchivedNumber("reader", r.LAG_RECORDS, "lag, records", "records"),
    ArchivedNumber("reader", r.UP, "runs", ""),
    ArchivedNumber("reader", r.FAILED_CALLS, "calls that failed", "1/s", is_rate=True),
    ArchivedNumber("group", g.GROUP_LAG_SECONDS, "lag, time", "seconds"),
    ArchivedNumber("group", g.GROUP_LAG, "lag, records", "records"),
    ArchivedNumber("group", g.GROUP_MEMBERS, "members", ""),
    ArchivedNumber("group", g.GROUP_TOPIC_COMMITTED, "read", "records/s", "sum", is_rate=True),
    ArchivedNumber("topic", k.TOPIC_END_OFFSET, "written", "records/s", is_rate=True),
    ArchivedNumber("topic", k.TOPIC_UNDER_REPLICATED, "under-replicated partitions", ""),
    ArchivedNumber("group", g.GROUP_TOPIC_EXPIRES, "data lost in", "seconds", "min"),
    ArchivedNumber("topic", k.TOPIC_LOG_BYTES, "size, of one replica", "bytes"),
    ArchivedNumber("stream", s.OPEN_SHARDS, "open shards", ""),
    ArchivedNumber("stream", s.BEING_READ, "read by somebody", ""),
    ArchivedNumber("stream", s.READ_BYTES_USE, "bytes read, of the limit", "ratio"),
    ArchivedNumber("shard", h.SHARD_WRITE_BYTES_USE, "bytes written, of the limit", "ratio"),
    ArchivedNumber("shard", h.SHARD_WRITE_RECORDS_USE, "records written, of the limit", "ratio"),
    ArchivedNumber("shard", h.SHARD_WRITE_THROTTLED, "refused writes", "records/s", is_rate=True),
    ArchivedNumber("broker", b.CPU, "processors busy", "ratio", "sum", of=("user", "system")),
    ArchivedNumber("broker", b.BYTES_OUT, "sent", "bytes/s", is_rate=True),
    ArchivedNumber("broker", m.CLIENT_CONNECTIONS, "connections by IAM", "", of=("IAM",)),
    ArchivedNumber("broker", m.TRAFFIC_SHAPED, "packets shaped", "1/s", is_rate=True),
)
"""All of them, the most important first."""

BY_NAME: Final[Mapping[str, ArchivedNumber]] = {number.name: number for number in NUMBERS}


def numbers_of(kind: EntityKind) -> list[ArchivedNumber]:
    """Return what is archived of a kind of entity."""
    return [number for number in NUMBERS if number.entity == kind]
