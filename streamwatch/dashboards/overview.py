"""What is on the overview: who sees nothing else finds what is wrong, and is one click away from its cause."""

from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.dashboards.panel import SECONDS, Dashboard, On, Panel, Query, Row
from streamwatch.dashboards.uneven import answer_seconds
from streamwatch.dashboards.wrong import WRONG

_o = On()
_CLUSTER: Final = "kafka_cluster"
_STREAM: Final = "aws_region, stream"
_READER: Final = "kind, reader, stream, topic"
_BY_CLUSTER: Final = f"sum by ({_CLUSTER})"
_BY_STREAM: Final = f"max by ({_STREAM})"
_BY_READER: Final = f"max by ({_READER})"
_ANY: Final = 0.01
"""Of what should not be at all, a second."""
_KAFKA: Final = "streamwatch-kafka"
_GROUPS: Final = "streamwatch-groups"
_KINESIS: Final = "streamwatch-kinesis"
_READERS: Final = "streamwatch-readers"


def _slowest() -> Query:
    """Return how long the slowest broker of each cluster takes for an answer to the agent."""
    return Query(f"max by ({_CLUSTER}) ({answer_seconds()})", "slowest", SECONDS)


CLUSTERS: Final = Row(
    "Clusters",
    (
        Panel(
            "Every cluster",
            "How is each of them?",
            (
                _o.firing(_CLUSTER, k.BROKER_UP, "alerts").red(above=1),
                _o.now(k.ACTIVE_CONTROLLERS, "controllers", _BY_CLUSTER).red(below=1),
                _o.down(k.BROKER_UP, _CLUSTER, "brokers down").red(above=1),
                _o.now(k.OFFLINE_PARTITIONS, "offline", _BY_CLUSTER).red(above=1),
                _o.now(k.BROKER_UNDER_REPLICATED, "under-replicated", _BY_CLUSTER).red(above=1),
                _o.now(k.REASSIGNING_PARTITIONS, "moving", _BY_CLUSTER),
                _o.growth(k.TOPIC_END_OFFSET, "written", _BY_CLUSTER),
                _o.now(g.GROUP_LAG_SECONDS, "latest group", f"max by ({_CLUSTER})"),
                _o.now(g.GROUP_IDLE_MEMBERS, "idle members", _BY_CLUSTER),
                _o.most(_CLUSTER, "fullest disk", k.LOG_DIR_USED, b.DATA_DISK).red(above=0.85),
                _slowest(),
                _o.now(b.THROTTLED, "throttled", _BY_CLUSTER).red(above=1),
            ),
            "table",
            24,
            5,
            labels=(_CLUSTER,),
            links={_CLUSTER: _KAFKA},
            sort=("-alerts", _CLUSTER),
        ),
        Panel(
            "Records written a second",
            "Is there traffic?",
            (_o.growth(k.TOPIC_END_OFFSET, "{{kafka_cluster}}", _BY_CLUSTER),),
            width=12,
            links={"": "streamwatch-topics"},
        ),
        Panel(
            "The latest groups",
            "Who is late?",
            (_o.top(10, _o.now(g.GROUP_LAG_SECONDS, "{{kafka_cluster}} {{group}}")),),
            width=12,
            links={"": _GROUPS},
        ),
    ),
)
STREAMS: Final = Row(
    "Streams",
    (
        Panel(
            "Every stream",
            "How is each of them?",
            (
                _o.firing(_STREAM, s.STREAM_UP, "alerts").red(above=1),
                _o.now(s.BEING_READ, "being read", _BY_STREAM).in_words("no", "yes"),
                _o.now(s.ITERATOR_AGE, "iterator age", _BY_STREAM),
                _o.now(s.TIME_TO_LOSS, "data lost in", f"min by ({_STREAM})").left().red(below=14_400),
                _o.rate(s.INCOMING_RECORDS, "written", _BY_STREAM),
                _o.most(_STREAM, "write limit", s.WRITE_RECORDS_USE, s.WRITE_BYTES_USE).red(above=0.8),
                _o.most(_STREAM, "hottest shard", h.SHARD_WRITE_RECORDS_USE, h.SHARD_WRITE_BYTES_USE).red(above=0.8),
                _o.rate(s.WRITE_THROTTLED, "writes refused", _BY_STREAM).red(above=_ANY),
                _o.rate(s.READ_THROTTLED, "reads refused", _BY_STREAM).red(above=_ANY),
            ),
            "table",
            24,
            5,
            labels=("stream", "aws_region"),
            links={"stream": _KINESIS},
            sort=("-alerts", "stream"),
        ),
        Panel(
            "Writes refused",
            "What do producers lose?",
            (_o.rate(s.WRITE_THROTTLED, "{{aws_region}} {{stream}}", _BY_STREAM),),
            height=6,
            links={"": _KINESIS},
        ),
        Panel(
            "Reads refused",
            "Do readers ask for more than shards allow?",
            (_o.rate(s.READ_THROTTLED, "{{aws_region}} {{stream}}", _BY_STREAM),),
            height=6,
            links={"": _KINESIS},
        ),
        Panel(
            "Iterator age",
            "Which stream's reader falls behind?",
            (_o.now(s.ITERATOR_AGE, "{{aws_region}} {{stream}}", _BY_STREAM),),
            height=6,
            links={"": _KINESIS},
        ),
    ),
)
READERS: Final = Row(
    "Readers",
    (
        Panel(
            "Every reader but Kafka's groups",
            "Which stands, is behind, or has lost records?",
            (
                _o.now(r.UP, "is", f"min by ({_READER})").in_words("stopped", "running"),
                _o.now(r.LAG, "behind", _BY_READER),
                _o.now(r.STANDING, "standing for", _BY_READER).red(above=300),
                _o.now(r.TIME_TO_LOSS, "data lost in", f"min by ({_READER})").left().red(below=14_400),
                _o.now(r.LOST, "lost", _BY_READER).red(above=_ANY),
            ),
            "table",
            24,
            8,
            labels=("kind", "reader", "stream", "topic"),
            links={"reader": _READERS, "stream": _KINESIS, "topic": "streamwatch-topics"},
            sort=("-behind", "reader"),
        ),
    ),
)
OVERVIEW: Final = Dashboard(
    "streamwatch-overview",
    "Overview",
    "Every cluster, stream and reader at once: what fires, what is late, what is full, what is refused.",
    (WRONG, CLUSTERS, STREAMS, READERS),
)
