"""The views, in the order of their keys, and those that open below them. A query of each is one request."""

from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_controllers as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as n
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.cli.top.listing import Listing, TopColumn, below, from_, positive, up
from streamwatch.model.metric import Metric

OVERVIEW: Final = "overview"
INCIDENTS: Final = "incidents"
ALERTS: Final = "alerts"
NUMBERS: Final = "numbers"
TEXT: Final = "text"

_SOON: Final = 3600.0
"""Data that expire unread within so many seconds are as good as lost."""
_STANDS: Final = "stalled|stopped|uncommitted|ahead"
"""States of partitions in which a group does not do what it should."""
_STANDS_THOUGH_READ: Final = "stalled|uncommitted|ahead"
"""Those of which a group that nobody runs has none."""


def _rate(metric: Metric, minutes: int = 1) -> str:
    """Return a counter's rate; none where it is not reported any more, though it was within the time."""
    return f"rate({metric.name}{{$m}}[{minutes}m]) and {metric.name}{{$m}} $rows"


def _most(*metrics: Metric, by: tuple[str, ...]) -> str:
    """Return the largest of what several metrics say of a thing."""
    names = "|".join(metric.name for metric in metrics)
    return f'max by ({", ".join(by)}) ({{__name__=~"{names}", $m}} $rows)'


def _sum(expr: str, by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) ({expr})"


_STATES: Final = f'{g.GROUP_TOPIC_STATE.name}{{state=~"{_STANDS}", $m}}'
_STUCK: Final = f"{_STATES} and on ({', '.join(k.GROUP_TOPIC)}) ({g.GROUP_TOPIC_WANTED.name}{{$m}} == 1)"
"""Partitions in which a group that somebody runs does not do what it should."""


def _stuck(by: tuple[str, ...]) -> str:
    """Return how many these are; 0 only where the states are known."""
    return f"{_sum(f'{_STUCK} $rows', by)} or {_sum(f'{g.GROUP_TOPIC_STATE.name}{{$m}} $rows', by)} * 0"


_BROKERS: Final = Listing(
    title="brokers",
    keys=k.BROKER,
    there=k.BROKER_UP,
    worst=(
        f"(1 - {k.BROKER_UP.name}{{$m}}) > 0",
        f"{k.BROKER_OUT_OF_SYNC.name}{{$m}} > 0",
        f"{k.BROKER_UNDER_REPLICATED.name}{{$m}} > 0",
        f"{k.BROKER_LEADERS.name}{{$m}}",
    ),
    order=("out of sync", "under-repl."),
    opens=NUMBERS,
    columns=(
        TopColumn(title="state", metric=k.BROKER_UP, words={1.0: "up", 0.0: "DOWN"}, health=up),
        TopColumn(title="leaders", metric=k.BROKER_LEADERS, rank=1),
        TopColumn(title="replicas", metric=k.BROKER_PARTITIONS, rank=3),
        TopColumn(title="under-repl.", metric=k.BROKER_UNDER_REPLICATED, rank=1, health=positive("warn")),
        TopColumn(title="under min ISR", metric=k.BROKER_UNDER_MIN_ISR, rank=4, health=positive("bad")),
        TopColumn(title="out of sync", metric=k.BROKER_OUT_OF_SYNC, rank=1, health=positive("warn")),
        TopColumn(
            title="disk", expr=_most(k.LOG_DIR_USED, b.DATA_DISK, by=k.BROKER), unit="ratio", rank=2,
            health=from_(0.85, 0.95),
        ),
        TopColumn(title="log", metric=k.BROKER_LOG_BYTES, unit="bytes", rank=5),
        TopColumn(title="in", expr=_rate(b.BYTES_IN), unit="bytes per second", rank=3),
        TopColumn(title="out", expr=_rate(b.BYTES_OUT), unit="bytes per second", rank=3),
        TopColumn(title="handlers idle", metric=b.HANDLER_IDLE, unit="ratio", rank=6),
        TopColumn(
            title="CPU", expr=_sum(f'{b.CPU.name}{{mode!="idle", $m}} $rows', k.BROKER), unit="ratio", rank=6,
            health=from_(0.9),
        ),
        TopColumn(title="connections", expr=_sum(f"{b.CONNECTIONS.name}{{$m}} $rows", k.BROKER), rank=7),
        TopColumn(title="host", metric=k.BROKER_INFO, label="host", rank=4, is_text=True),
        TopColumn(title="rack", metric=k.BROKER_INFO, label="rack", rank=8, is_text=True),
        TopColumn(title="Kafka", metric=c.BROKER_VERSION_INFO, label="version", rank=9, is_text=True),
    ),
)  # fmt: skip

_TOPICS: Final = Listing(
    title="topics",
    keys=k.TOPIC,
    there=k.TOPIC_PARTITIONS,
    worst=(
        f"{k.TOPIC_OFFLINE.name}{{$m}} > 0",
        f"{k.TOPIC_UNDER_REPLICATED.name}{{$m}} > 0",
        _rate(k.TOPIC_END_OFFSET),
    ),
    order=("offline", "under-repl.", "records in"),
    opens="readers of a topic",
    columns=(
        TopColumn(title="partitions", metric=k.TOPIC_PARTITIONS, rank=1),
        TopColumn(title="offline", metric=k.TOPIC_OFFLINE, rank=0, health=positive("bad")),
        TopColumn(title="under-repl.", metric=k.TOPIC_UNDER_REPLICATED, rank=0, health=positive("warn")),
        TopColumn(title="records in", expr=_rate(k.TOPIC_END_OFFSET), unit="per second"),
        TopColumn(title="size", metric=k.TOPIC_LOG_BYTES, unit="bytes", rank=2),
        TopColumn(title="kept", metric=k.TOPIC_RETENTION_SECONDS, unit="seconds", rank=3),
        TopColumn(title="replicas", metric=k.TOPIC_REPLICATION, rank=3),
        TopColumn(title="min ISR", metric=k.TOPIC_MIN_ISR, rank=4),
        TopColumn(title="end offset", metric=k.TOPIC_END_OFFSET, unit="records", rank=5),
        TopColumn(
            title="undecided", metric=k.TOPIC_UNDECIDED_SECONDS, unit="seconds", rank=6, health=from_(60.0)
        ),
        TopColumn(title="cleanup", metric=k.TOPIC_CLEANUP_POLICY, label="policy", rank=7, is_text=True),
    ),
)  # fmt: skip

_GROUPS: Final = Listing(
    title="groups",
    keys=k.GROUP,
    there=g.GROUP_MEMBERS,
    worst=(
        f'{g.GROUP_TOPIC_STATE.name}{{state=~"{_STANDS_THOUGH_READ}", $m}} > 0',
        f"{g.GROUP_LAG_SECONDS.name}{{$m}}",
        f"{g.GROUP_LAG.name}{{$m}}",
    ),
    order=("stuck", "behind", "lag"),
    opens="topics of a group",
    columns=(
        TopColumn(
            title="state", metric=g.GROUP_STATE, label="state", is_text=True,
            word_health={"Dead": "warn", "DEAD": "warn"},
        ),
        TopColumn(title="members", metric=g.GROUP_MEMBERS, rank=1),
        TopColumn(title="lag", metric=g.GROUP_LAG, unit="records"),
        TopColumn(title="behind", metric=g.GROUP_LAG_SECONDS, unit="seconds", health=from_(60.0, 600.0)),
        TopColumn(
            title="stuck", expr=_stuck(k.GROUP), health=positive("bad"),
        ),
        TopColumn(title="read", expr=_sum(_rate(g.GROUP_TOPIC_COMMITTED), k.GROUP), unit="per second", rank=2),
        TopColumn(
            title="data lost in", expr=f"min by (kafka_cluster, group) ({g.GROUP_TOPIC_EXPIRES.name}{{$m}} $rows)",
            unit="seconds", rank=3, health=below(_SOON, "bad"),
        ),
        TopColumn(
            title="lost", expr=_sum(f"{g.GROUP_TOPIC_LOST.name}{{$m}} $rows", k.GROUP), unit="records", rank=4,
            health=positive("bad"),
        ),
        TopColumn(title="idle members", metric=g.GROUP_IDLE_MEMBERS, rank=5),
        TopColumn(title="type", metric=g.GROUP_STATE, label="type", rank=6, is_text=True),
    ),
)  # fmt: skip

_GROUP_TOPIC_COLUMNS: Final = (
    TopColumn(title="lag", metric=g.GROUP_TOPIC_LAG, unit="records"),
    TopColumn(title="behind", metric=g.GROUP_TOPIC_LAG_SECONDS, unit="seconds", health=from_(60.0, 600.0)),
    TopColumn(title="worst partition", metric=g.GROUP_TOPIC_MAX_LAG, unit="records", rank=2),
    TopColumn(
        title="stuck", expr=_stuck(k.GROUP_TOPIC), rank=1, health=positive("bad"),
    ),
    TopColumn(title="read", expr=_rate(g.GROUP_TOPIC_COMMITTED), unit="per second", rank=1),
    TopColumn(title="data lost in", metric=g.GROUP_TOPIC_EXPIRES, unit="seconds", rank=3),
    TopColumn(title="no member", metric=g.GROUP_TOPIC_UNASSIGNED, rank=4, health=positive("warn")),
    TopColumn(title="lost", metric=g.GROUP_TOPIC_LOST, unit="records", rank=4, health=positive("bad")),
    TopColumn(title="uncommitted", metric=g.GROUP_TOPIC_UNCOMMITTED, rank=5, health=positive("warn")),
)  # fmt: skip

_WORST_GROUP_TOPIC: Final = (f"{g.GROUP_TOPIC_LAG_SECONDS.name}{{$m}}", f"{g.GROUP_TOPIC_LAG.name}{{$m}}")
_GROUP_TOPICS: Final = Listing(
    title="topics of a group", keys=("kafka_cluster", "group", "topic"), there=g.GROUP_TOPIC_LAG,
    worst=_WORST_GROUP_TOPIC, order=("stuck", "behind", "lag"), opens=NUMBERS, columns=_GROUP_TOPIC_COLUMNS,
)  # fmt: skip
_TOPIC_GROUPS: Final = Listing(
    title="readers of a topic", keys=("kafka_cluster", "topic", "group"), there=g.GROUP_TOPIC_LAG,
    worst=_WORST_GROUP_TOPIC, order=("stuck", "behind", "lag"), opens=NUMBERS, columns=_GROUP_TOPIC_COLUMNS,
)  # fmt: skip

_HOT: Final = from_(0.8, 1.0)
_STREAMS: Final = Listing(
    title="streams",
    keys=n.STREAM,
    there=n.STREAM_UP,
    worst=(
        f"(1 - {n.BEING_READ.name}{{$m}}) > 0",
        f"{_most(n.WRITE_RECORDS_USE, n.WRITE_BYTES_USE, by=n.STREAM)} >= 0.8",
        f"{n.ITERATOR_AGE.name}{{$m}}",
    ),
    order=("writes", "behind", "reads"),
    opens="shards",
    columns=(
        TopColumn(title="is read", metric=n.BEING_READ, words={1.0: "yes", 0.0: "NO"}, health=up),
        TopColumn(title="behind", metric=n.ITERATOR_AGE, unit="seconds", health=from_(300.0, 3600.0)),
        TopColumn(title="loss in", metric=n.TIME_TO_LOSS, unit="seconds", rank=4),
        TopColumn(
            title="writes", expr=_most(n.WRITE_RECORDS_USE, n.WRITE_BYTES_USE, by=n.STREAM), unit="ratio", health=_HOT
        ),
        TopColumn(
            title="reads", expr=_most(n.READ_BYTES_USE, n.READ_CALLS_USE, by=n.STREAM), unit="ratio", rank=1,
            health=_HOT,
        ),
        TopColumn(
            title="refused", expr=_rate(n.WRITE_THROTTLED, 5), unit="per second", rank=2, health=positive("warn")
        ),
        TopColumn(title="shards", metric=n.OPEN_SHARDS, rank=3),
        TopColumn(title="region", metric=n.STREAM_UP, label="aws_region", rank=3, is_text=True),
        TopColumn(title="records in", expr=_rate(n.INCOMING_RECORDS, 5), unit="per second", rank=5),
        TopColumn(title="skew", metric=h.SHARD_SKEW, unit="ratio", rank=6),
        TopColumn(title="consumers", metric=n.CONSUMERS, rank=6),
        TopColumn(title="kept", metric=n.RETENTION, unit="seconds", rank=7),
        TopColumn(title="state", metric=n.STREAM_STATE, label="state", rank=7, is_text=True),
        TopColumn(title="mode", metric=n.STREAM_STATE, label="mode", rank=8, is_text=True),
        TopColumn(title="as of", metric=n.DATA_AGE, unit="seconds", rank=8),
        TopColumn(title="account", metric=n.STREAM_UP, label="aws_account", rank=9, is_text=True),
    ),
)  # fmt: skip

_SHARDS: Final = Listing(
    title="shards",
    keys=n.SHARD,
    there=h.SHARD_WRITE_BYTES_USE,
    worst=(_most(h.SHARD_WRITE_RECORDS_USE, h.SHARD_WRITE_BYTES_USE, by=n.SHARD),),
    order=("records written", "bytes written"),
    opens=NUMBERS,
    columns=(
        TopColumn(title="records written", metric=h.SHARD_WRITE_RECORDS_USE, unit="ratio", health=_HOT),
        TopColumn(title="bytes written", metric=h.SHARD_WRITE_BYTES_USE, unit="ratio", health=_HOT),
        TopColumn(title="bytes read", metric=h.SHARD_READ_BYTES_USE, unit="ratio", rank=1, health=_HOT),
        TopColumn(title="behind", metric=h.SHARD_AGE, unit="seconds", rank=1, health=from_(300.0, 3600.0)),
        TopColumn(
            title="refused", expr=_rate(h.SHARD_WRITE_THROTTLED, 5), unit="per second", rank=2,
            health=positive("warn"),
        ),
        TopColumn(title="records in", expr=_rate(h.SHARD_IN_RECORDS, 5), unit="per second", rank=3),
        TopColumn(title="newest record", metric=h.SHARD_NEWEST, unit="seconds", rank=4),
    ),
)  # fmt: skip


def _of_kinds(*kinds: str) -> Callable[[Mapping[str, str]], bool]:
    """Return what says whether a reader is of these kinds."""
    return lambda labels: labels.get("kind") in kinds


def _is_counted(labels: Mapping[str, str]) -> bool:
    """Say whether anybody counts the records that a reader has not read: of a topic, and of a database's changes."""
    return "topic" in labels or "kafka_cluster" in labels or _of_kinds("dms", "msk_replicator")(labels)


_READERS: Final = Listing(
    title="readers",
    keys=r.READER,
    there=r.STATE,
    worst=(
        f"(1 - {r.UP.name}{{$m}}) > 0",
        f'{r.STATE.name}{{state=~"failing|stopped|partly", $m}}',
        f"{r.LAG.name}{{$m}}",
    ),
    order=("behind", "lag"),
    opens=NUMBERS,
    columns=(
        TopColumn(title="kind", metric=r.STATE, label="kind", rank=1, is_text=True),
        TopColumn(
            title="state", metric=r.STATE, label="state", is_text=True,
            word_health={"failing": "bad", "stopped": "bad", "partly": "warn", "unknown": "unknown"},
        ),
        TopColumn(title="behind", metric=r.LAG, unit="seconds", health=from_(300.0, 3600.0)),
        TopColumn(title="lag", metric=r.LAG_RECORDS, unit="records", rank=2, applies=_is_counted),
        TopColumn(
            title="loss in", metric=r.TIME_TO_LOSS, unit="seconds", rank=2,
            health=below(_SOON, "bad"), applies=lambda labels: labels.get("kind") != "dms",
        ),
        TopColumn(title="stream", metric=r.STATE, label="stream", rank=3, is_text=True),
        TopColumn(title="topic", metric=r.STATE, label="topic", rank=3, is_text=True),
        TopColumn(title="workers", metric=r.WORKERS, rank=4, applies=_of_kinds("kcl")),
        TopColumn(title="no lease", metric=r.HOLES, rank=4, health=positive("bad"), applies=_of_kinds("kcl")),
        TopColumn(
            title="failed tasks", metric=a.FAILED_TASKS, rank=5, health=positive("bad"),
            applies=_of_kinds("msk_connect", "kafka_connect"),
        ),
        TopColumn(title="success", metric=a.SUCCESS, unit="ratio", rank=5, applies=_of_kinds("firehose")),
        TopColumn(title="why", metric=a.REASON, label="reason", rank=6, is_text=True, absent=""),
    ),
)  # fmt: skip

LISTINGS: Final = {
    listing.title: listing
    for listing in (_BROKERS, _TOPICS, _GROUPS, _STREAMS, _READERS, _GROUP_TOPICS, _TOPIC_GROUPS, _SHARDS)
}
TABS: Final = (OVERVIEW, "brokers", "topics", "groups", "streams", "readers", ALERTS, INCIDENTS)
"""The views that have a key: 1, 2, ..."""
NUMBERS_OF: Final = {
    "brokers": "kafka_broker_.*",
    "topics of a group": "kafka_group_(topic|partition)_.*",
    "readers of a topic": "kafka_group_(topic|partition)_.*",
    "shards": "kinesis_shard_.*",
    "readers": "reader_.*",
}
"""Which metrics are the numbers of a row of a view."""
