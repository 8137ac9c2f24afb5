"""Kafka's brokers from the inside: what their own exporters and CloudWatch know, and the protocol does not tell."""

from typing import Final, Literal

from streamwatch.catalogue.kafka import BROKER, gauge
from streamwatch.model.metric import CloudWatchMetric, Metric, Tier, Unit

REQUEST: Final = (*BROKER, "request")
PHASE: Final = (*REQUEST, "phase")
QUANTILE: Final = (*PHASE, "quantile")
LISTENER: Final = (*BROKER, "listener")
DIRECTION: Final = (*BROKER, "direction")
MODE: Final = (*BROKER, "mode")
BROKER_TOPIC: Final = (*BROKER, "topic")
GC: Final = (*BROKER, "gc")
DEVICE: Final = (*BROKER, "device")

Statistic = Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]


def _twin(name: str, statistic: Statistic = "Average", scale: float = 1.0, *, paid: bool = False) -> CloudWatchMetric:
    return CloudWatchMetric(name, "PER_BROKER" if paid else "DEFAULT", statistic, scale)


def counter(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    tier: Tier = Tier.BROKER,
) -> Metric:
    """Define a counter of a broker."""
    return Metric(name=name, kind="counter", unit=unit, labels=labels, tier=tier, help=help, question=question)


# Requests --------------------------------------------------------------------------------------------------------

REQUESTS = counter(
    "kafka_broker_requests_total",
    REQUEST,
    "Requests that the broker answered: Produce, FetchConsumer, FetchFollower.",
    question="How busy is it?",
)
REQUEST_MEAN = gauge(
    "kafka_broker_request_mean_seconds",
    PHASE,
    "Mean time of a request, in whole (`total`) and in each phase: `queue` (waits for a thread), `local` (the leader's"
    " own work), `remote` (waits for followers or for data), `response_queue`, `send`, `throttle`. The JMX exporter's"
    " mean is of all requests since the broker started, CloudWatch's of the last minute's samples of it.",
    question="Where does the time go?",
    unit="seconds",
    tier=Tier.BROKER,
)
REQUEST_QUANTILE = gauge(
    "kafka_broker_request_quantile_seconds",
    QUANTILE,
    "Time that so many of the recent requests stayed below, in whole and in each phase.",
    question="How bad is it for the unlucky?",
    unit="seconds",
    tier=Tier.BROKER,
)
REQUEST_QUEUE = gauge(
    "kafka_broker_request_queue_length",
    BROKER,
    "Requests that wait for a handler thread.",
    question="Does it keep up with its requests?",
)
RESPONSE_QUEUE = gauge(
    "kafka_broker_response_queue_length",
    BROKER,
    "Responses that wait for a network thread.",
    question="Does it keep up with its answers?",
)
HANDLER_IDLE = gauge(
    "kafka_broker_request_handler_idle_ratio",
    BROKER,
    "Share of the time that the request handler threads are idle, over a minute. CloudWatch calls it a percent.",
    question="Is there room for more requests?",
    unit="ratio",
    cloudwatch=_twin("RequestHandlerAvgIdlePercent", paid=True),
)
PROCESSOR_IDLE = gauge(
    "kafka_broker_network_processor_idle_ratio",
    BROKER,
    "Share of the time that the network threads are idle. CloudWatch calls it a percent.",
    question="Is there room for more connections?",
    unit="ratio",
    cloudwatch=_twin("NetworkProcessorAvgIdlePercent", paid=True),
)
CONNECTIONS = gauge(
    "kafka_broker_connections",
    LISTENER,
    "Open connections, by listener.",
    question="Who is connected, and how many?",
    tier=Tier.BROKER,
)
CONNECTIONS_CREATED = counter(
    "kafka_broker_connections_created_total",
    LISTENER,
    "Connections that were made, by listener.",
    question="Does a client connect again and again?",
)
CONNECTIONS_CLOSED = counter(
    "kafka_broker_connections_closed_total",
    LISTENER,
    "Connections that were closed, by listener.",
    question="Do clients stay?",
)
CONNECTIONS_EXPIRED = counter(
    "kafka_broker_expired_connections_killed_total",
    LISTENER,
    "Connections that the broker cut off because their login had expired and was not renewed (KIP-368), by listener.",
    question="Is there a client that cannot log in anew?",
)
FAILED_AUTHENTICATIONS = counter(
    "kafka_broker_failed_authentications_total",
    LISTENER,
    "Connections whose login failed, by listener.",
    question="Does a client have the wrong password?",
)
THROTTLED = gauge(
    "kafka_broker_throttled_requests",
    (*BROKER, "quota"),
    "Requests that a quota delays right now: `produce`, `fetch`, `request`.",
    question="Are clients slowed down by a quota?",
    tier=Tier.BROKER,
)
UNCLEANABLE = gauge(
    "kafka_broker_uncleanable_partitions",
    BROKER,
    "Partitions that the broker's log cleaner gave up: they are compacted no more, until the broker is restarted.",
    question="Does a topic grow that should be compacted?",
    tier=Tier.BROKER,
)
DEPRECATED_REQUESTS = counter(
    "kafka_broker_deprecated_requests_total",
    (*BROKER, "request", "version", "client", "client_version"),
    "Requests of versions that a later Kafka refuses (KIP-896), by the software of the client; from Kafka 3.7 on.",
    question="Who would be shut out by an upgrade?",
    tier=Tier.TOPIC,
)
ZOOKEEPER_LATENCY = gauge(
    "kafka_broker_zookeeper_latency_seconds",
    BROKER,
    "Mean time of a request to ZooKeeper, where there is one.",
    question="Is ZooKeeper slow?",
    unit="seconds",
    cloudwatch=_twin("ZooKeeperRequestLatencyMsMean", scale=0.001),
)
ZOOKEEPER_SESSION = gauge(
    "kafka_broker_zookeeper_session_state",
    BROKER,
    "State of the broker's session with ZooKeeper, where there is one: 1 connected, 0 not, 0.1 associating,"
    " 0.5 connecting, 0.8 read-only, 5 closed, 10 refused.",
    question="Has the broker lost ZooKeeper?",
    cloudwatch=_twin("ZooKeeperSessionState"),
)

# Traffic ---------------------------------------------------------------------------------------------------------

BYTES_IN = counter(
    "kafka_broker_received_bytes_total",
    BROKER,
    "Bytes that clients produced.",
    question="How much comes in?",
    unit="bytes",
)
BYTES_OUT = counter(
    "kafka_broker_sent_bytes_total",
    BROKER,
    "Bytes that consumers fetched.",
    question="How much goes out?",
    unit="bytes",
)
MESSAGES_IN = counter(
    "kafka_broker_received_records_total",
    BROKER,
    "Records that clients produced.",
    question="How much comes in?",
    unit="records",
)
REPLICATED_IN = counter(
    "kafka_broker_replicated_in_bytes_total",
    BROKER,
    "Bytes that the broker fetched from leaders.",
    question="Does replication fill the network?",
    unit="bytes",
)
REPLICATED_OUT = counter(
    "kafka_broker_replicated_out_bytes_total",
    BROKER,
    "Bytes that followers fetched from the broker.",
    question="Does replication fill the network?",
    unit="bytes",
)
FAILED_PRODUCE = counter(
    "kafka_broker_failed_produce_requests_total",
    BROKER,
    "Produce requests that failed, by partition.",
    question="Can producers write?",
)
FAILED_FETCH = counter(
    "kafka_broker_failed_fetch_requests_total",
    BROKER,
    "Fetch requests that failed, by partition.",
    question="Can consumers read?",
)
TOPIC_BYTES_IN = counter(
    "kafka_broker_topic_received_bytes_total",
    BROKER_TOPIC,
    "Bytes that clients produced to the topic's partitions on the broker.",
    question="Which topic fills the network?",
    unit="bytes",
    tier=Tier.TOPIC,
)
TOPIC_BYTES_OUT = counter(
    "kafka_broker_topic_sent_bytes_total",
    BROKER_TOPIC,
    "Bytes that consumers fetched from the topic's partitions on the broker.",
    question="Which topic fills the network?",
    unit="bytes",
    tier=Tier.TOPIC,
)

# Replication -----------------------------------------------------------------------------------------------------

ISR_SHRINKS = counter(
    "kafka_broker_isr_shrinks_total",
    BROKER,
    "How often the broker, as a leader, took a replica out of an ISR because it did not follow. The replicas of a"
    " broker that is gone are taken out by the controller in KRaft, and not counted.",
    question="Do followers fall behind again and again?",
)
ISR_EXPANDS = counter(
    "kafka_broker_isr_expands_total",
    BROKER,
    "How often the broker, as a leader, took a replica back into an ISR.",
    question="Do followers come back?",
)
UNCLEAN_ELECTIONS = counter(
    "kafka_broker_unclean_leader_elections_total",
    BROKER,
    "Elections of a leader that was not in sync, as this controller has counted them: records are lost. In KRaft each"
    " controller counts all of them, and brokers none: give the controllers' pages too (`open_monitoring.targets`).",
    question="Did an election lose records?",
)

# The host and the process -----------------------------------------------------------------------------------------

DATA_DISK = gauge(
    "kafka_broker_data_disk_used_ratio",
    BROKER,
    "Used share of the broker's fullest volume of data logs.",
    question="How soon is the disk full?",
    unit="ratio",
    cloudwatch=_twin("KafkaDataLogsDiskUsed", "Maximum", 0.01),
)
APP_LOGS_DISK = gauge(
    "kafka_broker_app_logs_disk_used_ratio",
    BROKER,
    "Used share of the volume that the broker's application logs are on.",
    question="Does logging fill a disk?",
    unit="ratio",
    cloudwatch=_twin("KafkaAppLogsDiskUsed", "Maximum", 0.01),
)
ROOT_DISK = gauge(
    "kafka_broker_root_disk_used_ratio",
    BROKER,
    "Used share of the root volume.",
    question="Does the system still have room?",
    unit="ratio",
    cloudwatch=_twin("RootDiskUsed", "Maximum", 0.01),
)
CPU = gauge(
    "kafka_broker_cpu_ratio",
    MODE,
    "Share of the processors' time since the last scrape (CloudWatch: in the last minute) spent in a mode: `user`,"
    " `system`, `iowait`, `idle`.",
    question="Is the machine busy, and with what?",
    unit="ratio",
    tier=Tier.BROKER,
)
MEMORY_FREE = gauge(
    "kafka_broker_memory_free_bytes",
    BROKER,
    "Memory that nothing uses, not even the page cache.",
    question="Is there memory left?",
    unit="bytes",
    cloudwatch=_twin("MemoryFree"),
)
MEMORY_CACHED = gauge(
    "kafka_broker_memory_cached_bytes",
    BROKER,
    "Memory that the page cache has: what consumers at the tip are served from.",
    question="Is there room for the page cache?",
    unit="bytes",
    cloudwatch=_twin("MemoryCached"),
)
HEAP_AFTER_GC = gauge(
    "kafka_broker_heap_after_gc_ratio",
    BROKER,
    "Share of the heap that is still in use after a collection.",
    question="Is the heap too small?",
    unit="ratio",
    cloudwatch=_twin("HeapMemoryAfterGC", "Maximum", 0.01),
)
GC_SECONDS = counter(
    "kafka_broker_gc_seconds_total",
    GC,
    "Time that the broker's JVM spent in a garbage collector, by collector. Most of them stop the broker meanwhile;"
    " those called `Cycles` or `Concurrent` do not.",
    question="Does garbage collection stop the broker?",
    unit="seconds",
)
GC_COLLECTIONS = counter(
    "kafka_broker_gc_collections_total",
    GC,
    "Collections by the broker's JVM, by collector.",
    question="Does it collect again and again?",
)
OPEN_FILES = gauge(
    "kafka_broker_open_file_descriptors",
    BROKER,
    "File descriptors that the broker has open: its segments, indexes and connections.",
    question="How many does it need?",
)
FILES_LIMIT = gauge(
    "kafka_broker_file_descriptors_limit",
    BROKER,
    "File descriptors that the broker's process may have open.",
    question="How many may it have?",
)
DISK_BYTES = counter(
    "kafka_broker_disk_bytes_total",
    (*DEVICE, "direction"),
    "Bytes that the disks of the broker's host were asked to `read` and `write`, by device. A device that is made of"
    " others (LVM, RAID) has them again.",
    question="Do consumers read from disk?",
    unit="bytes",
)
DISK_BUSY = counter(
    "kafka_broker_disk_io_seconds_total",
    DEVICE,
    "Time in which a disk of the broker's host had something to do, by device: its rate is the disk's use.",
    question="Is the disk busy?",
    unit="seconds",
)
PACKETS = counter(
    "kafka_broker_network_packets_total",
    DIRECTION,
    "Network packets, `in` and `out`.",
    question="How much traffic is it?",
)
PACKETS_DROPPED = counter(
    "kafka_broker_network_dropped_packets_total",
    DIRECTION,
    "Network packets that were dropped, `in` and `out`.",
    question="Does the network lose anything?",
)
PACKET_ERRORS = counter(
    "kafka_broker_network_errors_total",
    DIRECTION,
    "Network errors, `in` and `out`.",
    question="Is the network broken?",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
