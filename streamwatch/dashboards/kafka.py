"""What is on the dashboards of Kafka."""

from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk
from streamwatch.dashboards.connect import CONNECTORS
from streamwatch.dashboards.kafka_nodes import CONTROLLERS, PROCESSES
from streamwatch.dashboards.panel import Dashboard, On, Panel, Row

_c = On("kafka_cluster", "broker")
_t = On("kafka_cluster", "topic")
_g = On("kafka_cluster", "group")
_BY_CLUSTER: Final = "sum by (kafka_cluster)"
_PHASES: Final = ("total", "queue", "local", "remote", "response_queue", "send", "throttle")

CLUSTER: Final = Dashboard(
    "streamwatch-kafka",
    "Kafka cluster",
    "One cluster: who leads, who is missing, what requests wait for, and for how long the disks last.",
    (
        Row(
            "Is anything lost, or about to be?",
            (
                Panel(
                    "Offline partitions",
                    "Which data can nobody reach?",
                    (_c.now(k.OFFLINE_PARTITIONS).red(above=1),),
                    "stat",
                    4,
                    4,
                ),
                Panel(
                    "Unreachable",
                    "Whose leader does not answer?",
                    (_c.now(k.UNREACHABLE_PARTITIONS).red(above=1),),
                    "stat",
                    4,
                    4,
                ),
                Panel(
                    "Under min ISR",
                    "Where do producers with acks=all fail?",
                    (_c.now(k.BROKER_UNDER_MIN_ISR, "", _BY_CLUSTER).red(above=1),),
                    "stat",
                    4,
                    4,
                ),
                Panel(
                    "Under-replicated",
                    "How many partitions have lost a replica?",
                    (_c.now(k.BROKER_UNDER_REPLICATED, "", _BY_CLUSTER).red(above=1),),
                    "stat",
                    4,
                    4,
                ),
                Panel("Controllers", "Is there one?", (_c.now(k.ACTIVE_CONTROLLERS).red(below=1),), "stat", 4, 4),
                Panel(
                    "Brokers down",
                    "How many do not answer?",
                    (_c.down(k.BROKER_UP, "kafka_cluster").red(above=1),),
                    "stat",
                    4,
                    4,
                ),
            ),
        ),
        Row(
            "Who does the work?",
            (
                Panel(
                    "Brokers",
                    "Who was there, and when?",
                    (_c.now(k.BROKER_UP, "broker {{broker}}").in_words("does not answer", "answers"),),
                    "state-timeline",
                ),
                Panel("Leaders", "Who leads, and is it fair?", (_c.now(k.BROKER_LEADERS, "broker {{broker}}"),)),
                Panel(
                    "Out of sync", "Whose replicas lag behind?", (_c.now(k.BROKER_OUT_OF_SYNC, "broker {{broker}}"),)
                ),
                Panel(
                    "Partitions against the maximum",
                    "How many may a broker of this size have?",
                    (_c.now(k.BROKER_PARTITIONS_LIMIT, "broker {{broker}}").red(above=1),),
                ),
                Panel(
                    "Imbalance",
                    "Are leaders and bytes where they should be?",
                    (
                        _c.now(k.LEADER_SKEW, "leaders"),
                        _c.now(k.BYTES_SKEW, "bytes"),
                        _c.now(k.NON_PREFERRED_LEADERS, "not where preferred"),
                    ),
                ),
                Panel("On the move", "Is somebody reassigning?", (_c.now(k.REASSIGNING_PARTITIONS, "partitions"),)),
            ),
        ),
        Row(
            "How long do the disks last?",
            (
                Panel(
                    "Disk used",
                    "Which disk is filling?",
                    (
                        _c.now(k.LOG_DIR_USED, "broker {{broker}} {{log_dir}}").red(above=0.85),
                        _c.now(b.DATA_DISK, "broker {{broker}}"),
                    ),
                    width=12,
                ),
                Panel(
                    "Full in",
                    "When does it end, if it goes on like the last six hours?",
                    (_c.until_full(k.LOG_DIR_USED, "broker {{broker}} {{log_dir}}"),),
                    width=12,
                ),
            ),
        ),
        Row(
            "What comes and goes?",
            (
                Panel("In", "What do producers send?", (_c.rate(b.BYTES_IN, "broker {{broker}}"),)),
                Panel("Out", "What do consumers take?", (_c.rate(b.BYTES_OUT, "broker {{broker}}"),)),
                Panel(
                    "Requests",
                    "Which requests are made?",
                    (_c.top(8, _c.rate(b.REQUESTS, "{{request}}", "sum by (request)")),),
                ),
                Panel(
                    "Failures",
                    "Which requests fail?",
                    (_c.rate(b.FAILED_PRODUCE, "produce {{broker}}"), _c.rate(b.FAILED_FETCH, "fetch {{broker}}")),
                ),
                Panel(
                    "Connections", "Who is connected?", (_c.now(b.CONNECTIONS, "broker {{broker}}", "sum by (broker)"),)
                ),
                Panel(
                    "Packets dropped",
                    "Does the network lose anything?",
                    (_c.rate(b.PACKETS_DROPPED, "broker {{broker}} {{direction}}"),),
                ),
            ),
        ),
        Row(
            "What do requests wait for?",
            (
                Panel(
                    "Produce, 99th percentile by phase",
                    "Where does a producer's time go?",
                    tuple(
                        _c.now(b.REQUEST_QUANTILE, phase, "max", request="Produce", phase=phase, quantile="0.99")
                        for phase in _PHASES
                    ),
                ),
                Panel(
                    "Fetch by consumers, mean by phase",
                    "Where does a consumer's time go?",
                    tuple(
                        _c.now(b.REQUEST_MEAN, phase, "max", request="FetchConsumer", phase=phase) for phase in _PHASES
                    ),
                ),
                Panel(
                    "Queues",
                    "Do requests pile up?",
                    (_c.now(b.REQUEST_QUEUE, "requests {{broker}}"), _c.now(b.RESPONSE_QUEUE, "responses {{broker}}")),
                ),
                Panel(
                    "Idle",
                    "Have the threads room?",
                    (
                        _c.now(b.HANDLER_IDLE, "handlers {{broker}}").red(below=0.3),
                        _c.now(b.PROCESSOR_IDLE, "network {{broker}}"),
                    ),
                ),
                Panel("Processor", "What is the machine busy with?", (_c.now(b.CPU, "broker {{broker}} {{mode}}"),)),
                Panel(
                    "Heap after collection", "Is memory running out?", (_c.now(b.HEAP_AFTER_GC, "broker {{broker}}"),)
                ),
            ),
        ),
        PROCESSES,
        CONTROLLERS,
        Row(
            "Is somebody at work on it?",
            (
                Panel(
                    "State at MSK",
                    "Is it being patched, or healing?",
                    (_c.now(msk.CLUSTER_STATE, "{{state}}").in_words("", "is so"),),
                    "state-timeline",
                    12,
                ),
                Panel(
                    "What the agent could not learn",
                    "Which of these numbers are missing?",
                    (_c.now(a.SOURCE_PROBLEMS, "{{source}} {{scope}} {{reason}}"),),
                    width=12,
                ),
            ),
        ),
    ),
    (("kafka_cluster", k.BROKER_UP), ("broker", k.BROKER_UP)),
)

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
                ),
                Panel(
                    "Topics with offline partitions",
                    "Which topics cannot be reached?",
                    (_t.top(20, _t.now(k.TOPIC_OFFLINE, "partitions")).red(above=1),),
                    "table",
                    12,
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
                        _t.now(k.TOPIC_RETENTION_SECONDS, "kept for"),
                        _t.now(k.TOPIC_LOG_BYTES, "bytes kept"),
                    ),
                    "table",
                    24,
                    10,
                ),
                Panel(
                    "Cleanup policy",
                    "Do records go, or only those that newer ones replace?",
                    (_t.only_1(k.TOPIC_CLEANUP_POLICY),),
                    "table",
                    24,
                ),
            ),
        ),
    ),
    (("kafka_cluster", k.TOPIC_PARTITIONS), ("topic", k.TOPIC_PARTITIONS)),
)

GROUPS: Final = Dashboard(
    "streamwatch-groups",
    "Consumer groups",
    "Groups: how far behind, whether they catch up, and what is lost if they do not.",
    (
        Row(
            "Who is late?",
            (
                Panel("Lag", "How many records are left?", (_g.top(15, _g.now(g.GROUP_LAG, "{{group}}")),), width=12),
                Panel(
                    "Lag in time",
                    "How old is what is read now?",
                    (_g.top(15, _g.now(g.GROUP_LAG_SECONDS, "{{group}}")),),
                    width=12,
                ),
            ),
        ),
        Row(
            "Does it catch up?",
            (
                Panel(
                    "Read and written",
                    "Is it read as fast as it is written?",
                    (
                        _g.growth(g.GROUP_TOPIC_COMMITTED, "{{group}} reads {{topic}}"),
                        _g.growth(k.TOPIC_END_OFFSET, "{{topic}} is written"),
                    ),
                ),
                Panel(
                    "Caught up in",
                    "When is it done, if it goes on like the last five minutes?",
                    (_g.until_caught_up(g.GROUP_LAG, "{{group}}"),),
                ),
                Panel(
                    "Data to be lost in",
                    "When does retention take what was not read?",
                    (_g.now(g.GROUP_TOPIC_EXPIRES, "{{group}} {{topic}}").red(below=3600),),
                ),
            ),
        ),
        Row(
            "Who does the work?",
            (
                Panel("Members", "Are all there?", (_g.now(g.GROUP_MEMBERS, "{{group}}"),)),
                Panel(
                    "Members without partitions",
                    "Are there more members than partitions?",
                    (_g.now(g.GROUP_IDLE_MEMBERS, "{{group}}"),),
                ),
                Panel(
                    "Partitions without a member",
                    "What does nobody read?",
                    (_g.now(g.GROUP_TOPIC_UNASSIGNED, "{{group}} {{topic}}"),),
                ),
                Panel(
                    "States",
                    "Who rebalances, who is gone?",
                    (_g.only_1(g.GROUP_STATE),),
                    "table",
                    24,
                ),
            ),
        ),
        CONNECTORS,
    ),
    (("kafka_cluster", g.GROUP_MEMBERS), ("group", g.GROUP_MEMBERS)),
)
