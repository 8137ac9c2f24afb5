"""What is on the dashboard of a Kafka cluster."""

from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk
from streamwatch.dashboards.kafka_nodes import CONTROLLERS, PROCESSES
from streamwatch.dashboards.panel import Dashboard, On, Panel, Row
from streamwatch.dashboards.probes import CLUSTER_PROBE

_c = On("kafka_cluster", "broker")
_BY_CLUSTER: Final = "sum by (kafka_cluster)"
_BROKER: Final = "kafka_cluster, broker"
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
                    "Every broker",
                    "Which is it?",
                    (
                        _c.now(k.BROKER_UP, "is", f"min by ({_BROKER})").in_words("down", "up"),
                        _c.now(k.BROKER_LEADERS, "leads", f"max by ({_BROKER})"),
                        _c.now(k.BROKER_PARTITIONS, "holds", f"max by ({_BROKER})"),
                        _c.now(k.BROKER_UNDER_REPLICATED, "under-replicated", f"max by ({_BROKER})").red(above=1),
                        _c.now(k.BROKER_OUT_OF_SYNC, "out of sync", f"max by ({_BROKER})").red(above=1),
                        _c.most(_BROKER, "fullest disk", k.LOG_DIR_USED, b.DATA_DISK).red(above=0.85),
                        _c.now(b.HANDLER_IDLE, "handlers idle", f"min by ({_BROKER})").red(below=0.3),
                        _c.now(b.REQUEST_QUEUE, "requests wait", f"max by ({_BROKER})"),
                    ),
                    "table",
                    24,
                    6,
                    labels=("kafka_cluster", "broker"),
                    sort=("is", "broker"),
                ),
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
                    (_c.until_full(k.LOG_DIR_USED, "full in").red(below=14_400),),
                    "table",
                    12,
                    labels=("kafka_cluster", "broker", "log_dir"),
                    sort=("full in", "broker"),
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
        CLUSTER_PROBE,
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
