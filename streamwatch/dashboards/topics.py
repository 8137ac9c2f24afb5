"""What is on the dashboard of topics."""

from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.dashboards.panel import Dashboard, On, Panel, Row

_t = On("kafka_cluster", "topic")
_TOPIC: Final = ("kafka_cluster", "topic")
_PARTITION: Final = (*_TOPIC, "partition")
_HOTTEST: Final = _t.top(50, _t.growth(g.PARTITION_END_OFFSET, "written"))

TOPICS: Final = Dashboard(
    "streamwatch-topics",
    "Kafka topics",
    "Topics: what is written, what is kept, and which have lost replicas.",
    (
        Row(
            "Is anything lost?",
            (
                Panel(
                    "Topics that have lost replicas",
                    "Which topics are at risk?",
                    (_t.top(20, _t.now(k.TOPIC_UNDER_REPLICATED, "partitions")).red(above=1),),
                    "table",
                    12,
                    labels=_TOPIC,
                    links={"kafka_cluster": "streamwatch-kafka"},
                    sort=("-partitions", "topic"),
                ),
                Panel(
                    "Topics with offline partitions",
                    "Which topics cannot be reached?",
                    (_t.top(20, _t.now(k.TOPIC_OFFLINE, "partitions")).red(above=1),),
                    "table",
                    12,
                    labels=_TOPIC,
                    links={"kafka_cluster": "streamwatch-kafka"},
                    sort=("-partitions", "topic"),
                ),
            ),
        ),
        Row(
            "What is written, and kept?",
            (
                Panel(
                    "Records a second",
                    "What is written?",
                    (_t.top(15, _t.growth(k.TOPIC_END_OFFSET, "{{topic}}")),),
                    width=12,
                ),
                Panel(
                    "Bytes kept",
                    "Who fills the disks?",
                    (_t.top(15, _t.now(k.TOPIC_LOG_BYTES, "{{topic}}")),),
                    width=12,
                ),
                Panel(
                    "How topics are made",
                    "Is each as wide, as safe and kept as long as it should be?",
                    (
                        _t.now(k.TOPIC_PARTITIONS, "partitions"),
                        _t.now(k.TOPIC_REPLICATION, "replicas"),
                        _t.now(k.TOPIC_MIN_ISR, "min ISR"),
                        _t.now(k.TOPIC_RETENTION_SECONDS, "kept for").lasting(),
                        _t.now(k.TOPIC_LOG_BYTES, "bytes kept"),
                        _t.only_1(k.TOPIC_CLEANUP_POLICY),
                    ),
                    "table",
                    24,
                    10,
                    labels=(*_TOPIC, "policy"),
                    sort=("-bytes kept", "topic"),
                ),
            ),
        ),
        Row(
            "Which partition is it? (of clusters with granularity: partition)",
            (
                Panel(
                    "The hottest partitions",
                    "Is one hotter, or larger, than the others, and who leads it?",
                    (
                        _HOTTEST,
                        _t.among(_t.now(g.PARTITION_LOG_BYTES, "bytes"), _HOTTEST, *_PARTITION),
                        _t.among(_t.now(g.PARTITION_LEADER, "led by"), _HOTTEST, *_PARTITION),
                        _t.among(_t.now(g.PARTITION_IN_SYNC, "in sync"), _HOTTEST, *_PARTITION),
                        _t.among(_t.now(g.PARTITION_START_OFFSET, "begins at"), _HOTTEST, *_PARTITION).exact(),
                        _t.among(_t.now(g.PARTITION_END_OFFSET, "ends at"), _HOTTEST, *_PARTITION).exact(),
                    ),
                    "table",
                    24,
                    10,
                    labels=_PARTITION,
                    links={"kafka_cluster": "streamwatch-kafka"},
                    sort=("-written", "topic"),
                ),
            ),
        ),
    ),
    (("kafka_cluster", k.TOPIC_PARTITIONS), ("topic", k.TOPIC_PARTITIONS)),
)
