"""Which series of the brokers' exporters tell which metric: MSK's default JMX naming, and that of the usual rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.model.metric import Metric

_REQUESTS: Final = frozenset({"Produce", "FetchConsumer", "FetchFollower"})
_PHASES: Final = {
    "TotalTimeMs": "total",
    "RequestQueueTimeMs": "queue",
    "LocalTimeMs": "local",
    "RemoteTimeMs": "remote",
    "ResponseQueueTimeMs": "response_queue",
    "ResponseSendTimeMs": "send",
    "ThrottleTimeMs": "throttle",
}
_QUANTILES: Final = {"50th": "0.5", "95th": "0.95", "99th": "0.99", "999th": "0.999"}
_MS: Final = 0.001


@dataclass(frozen=True, slots=True)
class ExporterSeries:
    """A series of a broker's exporter, and the metric that it is."""

    metric: Metric
    name: str
    """The exporter's name."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Labels that it must have; "" also fits one that is not there."""
    among: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Labels that must have one of these values."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Our labels, by the exporter's."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Our labels that are always the same."""
    scale: float = 1.0
    fold: Literal["sum", "max"] = "sum"
    """What several series of one metric and label set make."""
    page: Literal["jmx", "node"] = "jmx"
    of_exporter: bool = False
    """Whether it is about the exporter's own process: the broker's only where the exporter is an agent in it."""


def _value(metric: Metric, kind: str, name: str, other: str) -> tuple[ExporterSeries, ...]:
    """A gauge, by default naming and by the naming of the usual rules."""
    return (
        ExporterSeries(metric, f"kafka_{kind}_Value", {"name": name}, fold="max"),
        ExporterSeries(metric, other, fold="max"),
    )


def _meter(metric: Metric, name: str) -> tuple[ExporterSeries, ...]:
    """A meter of all topics: its series has no topic, or an empty one; those of topics are not added to it."""
    short = name.removesuffix("PerSec").lower()
    return (
        ExporterSeries(metric, "kafka_server_BrokerTopicMetrics_Count", {"name": name, "topic": ""}, fold="max"),
        ExporterSeries(metric, f"kafka_server_brokertopicmetrics_{short}_total", {"topic": ""}, fold="max"),
    )


def _topic_meter(metric: Metric, name: str) -> tuple[ExporterSeries, ...]:
    short = name.removesuffix("PerSec").lower()
    return (
        ExporterSeries(
            metric, "kafka_server_BrokerTopicMetrics_Count", {"name": name}, labels={"topic": "topic"}, fold="max"
        ),
        ExporterSeries(metric, f"kafka_server_brokertopicmetrics_{short}_total", labels={"topic": "topic"}, fold="max"),
    )


def _requests() -> tuple[ExporterSeries, ...]:
    among, labels = {"request": _REQUESTS}, {"request": "request"}
    made = [
        ExporterSeries(b.REQUESTS, "kafka_network_RequestMetrics_Count", {"name": "RequestsPerSec"}, among, labels),
        ExporterSeries(b.REQUESTS, "kafka_network_requestmetrics_requests_total", {}, among, labels),
    ]
    for name, phase in _PHASES.items():
        of = {"phase": phase}
        where = {"name": name}
        made.append(
            ExporterSeries(b.REQUEST_MEAN, "kafka_network_RequestMetrics_Mean", where, among, labels, of, _MS, "max")
        )
        for attribute, quantile in _QUANTILES.items():
            series = f"kafka_network_RequestMetrics_{attribute}Percentile"
            fixed = of | {"quantile": quantile}
            made.append(ExporterSeries(b.REQUEST_QUANTILE, series, where, among, labels, fixed, _MS, "max"))
            ruled = {"quantile": quantile}
            name_by_rule = f"kafka_network_requestmetrics_{name.lower()}"
            made.append(ExporterSeries(b.REQUEST_QUANTILE, name_by_rule, ruled, among, labels, fixed, _MS, "max"))
    return tuple(made)


def _network() -> tuple[ExporterSeries, ...]:
    return tuple(
        ExporterSeries(metric, f"node_network_{way}_{what}_total", fixed={"direction": direction}, page="node")
        for way, direction in (("receive", "in"), ("transmit", "out"))
        for metric, what in ((b.PACKETS, "packets"), (b.PACKETS_DROPPED, "drop"), (b.PACKET_ERRORS, "errs"))
    )


def _connections() -> tuple[ExporterSeries, ...]:
    """By listener; the exporter takes _total from a name since its release 1.0, MSK's is older."""
    labels = {"listener": "listener"}
    counters = (
        (b.CONNECTIONS_CREATED, "connection_creation"),
        (b.CONNECTIONS_CLOSED, "connection_close"),
        (b.FAILED_AUTHENTICATIONS, "failed_authentication"),
    )
    return (
        *(
            ExporterSeries(b.CONNECTIONS, f"{prefix}_connection_count", labels=labels)
            for prefix in (_SOCKETS, _SOCKETS_BY_RULE)
        ),
        *(
            ExporterSeries(metric, f"{prefix}_{name}", labels=labels)
            for metric, what in counters
            for prefix, name in ((_SOCKETS, f"{what}_total"), (_SOCKETS, what), (_SOCKETS_BY_RULE, f"{what}_total"))
        ),
        *(
            ExporterSeries(b.CONNECTIONS_EXPIRED, f"{prefix}_expired_connections_killed_count", labels=labels)
            for prefix in (_SOCKETS, _SOCKETS_BY_RULE)
        ),
    )


_COLLECTORS: Final = (
    "G1 Young Generation", "G1 Old Generation", "G1 Concurrent GC", "Copy", "MarkSweepCompact", "PS Scavenge",
    "PS MarkSweep", "ZGC Cycles", "ZGC Pauses", "ZGC Minor Cycles", "ZGC Minor Pauses", "ZGC Major Cycles",
    "ZGC Major Pauses", "Shenandoah Cycles", "Shenandoah Pauses", "ConcurrentMarkSweep", "ParNew",
)  # fmt: skip


def _collections() -> Iterator[ExporterSeries]:
    """Yield what a JVM says of its collectors: a series is called by the bean's type or name, whichever comes first."""
    for metric, attribute, scale in ((b.GC_SECONDS, "CollectionTime", _MS), (b.GC_COLLECTIONS, "CollectionCount", 1.0)):
        named = {"name": "gc"}
        yield ExporterSeries(metric, f"java_lang_GarbageCollector_{attribute}", labels=named, scale=scale, fold="max")
        for name in _COLLECTORS:
            series = f"java_lang_{name.replace(' ', '_')}_{attribute}"
            yield ExporterSeries(
                metric, series, {"type": "GarbageCollector"}, fixed={"gc": name}, scale=scale, fold="max"
            )
    for metric, what in ((b.GC_SECONDS, "sum"), (b.GC_COLLECTIONS, "count")):
        series = f"jvm_gc_collection_seconds_{what}"
        yield ExporterSeries(metric, series, labels={"gc": "gc"}, fold="max", of_exporter=True)


def _replication() -> Iterator[ExporterSeries]:
    for metric, kind, name in (
        (b.ISR_SHRINKS, "server_ReplicaManager", "IsrShrinks"),
        (b.ISR_EXPANDS, "server_ReplicaManager", "IsrExpands"),
        (b.UNCLEAN_ELECTIONS, "controller_ControllerStats", "UncleanLeaderElections"),
    ):
        yield ExporterSeries(metric, f"kafka_{kind}_Count", {"name": f"{name}PerSec"}, fold="max")
        yield ExporterSeries(metric, f"kafka_{kind}_{name}_total".lower(), fold="max")


def _disks() -> Iterator[ExporterSeries]:
    labels = {"device": "device"}
    for name, direction in (("read", "read"), ("written", "write")):
        fixed = {"direction": direction}
        yield ExporterSeries(b.DISK_BYTES, f"node_disk_{name}_bytes_total", labels=labels, fixed=fixed, page="node")
    yield ExporterSeries(b.DISK_BUSY, "node_disk_io_time_seconds_total", labels=labels, page="node")


_SOCKETS: Final = "kafka_server_socket_server_metrics"
_SOCKETS_BY_RULE: Final = "kafka_server_socketservermetrics"
AGENT: Final = ("jmx_exporter_build_info", {"name": "jmx_prometheus_javaagent"})
"""The series by which an exporter says that it is an agent in the broker's own JVM."""

MAPPINGS: Final[tuple[ExporterSeries, ...]] = (
    *_requests(),
    *_value(b.REQUEST_QUEUE, "network_RequestChannel", "RequestQueueSize",
            "kafka_network_requestchannel_requestqueuesize"),
    *_value(b.RESPONSE_QUEUE, "network_RequestChannel", "ResponseQueueSize",
            "kafka_network_requestchannel_responsequeuesize"),
    ExporterSeries(b.HANDLER_IDLE, "kafka_server_KafkaRequestHandlerPool_OneMinuteRate",
         {"name": "RequestHandlerAvgIdlePercent"}, fold="max"),
    ExporterSeries(b.HANDLER_IDLE, "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", fold="max"),
    *_value(b.PROCESSOR_IDLE, "network_SocketServer", "NetworkProcessorAvgIdlePercent",
            "kafka_network_socketserver_networkprocessoravgidle_percent"),
    *_connections(),
    *_collections(),
    *_replication(),
    *_disks(),
    ExporterSeries(b.OPEN_FILES, "java_lang_OperatingSystem_OpenFileDescriptorCount", fold="max"),
    ExporterSeries(b.OPEN_FILES, "process_open_fds", fold="max", of_exporter=True),
    ExporterSeries(b.FILES_LIMIT, "java_lang_OperatingSystem_MaxFileDescriptorCount", fold="max"),
    ExporterSeries(b.FILES_LIMIT, "process_max_fds", fold="max", of_exporter=True),
    *_meter(b.BYTES_IN, "BytesInPerSec"),
    *_meter(b.BYTES_OUT, "BytesOutPerSec"),
    *_meter(b.MESSAGES_IN, "MessagesInPerSec"),
    *_meter(b.REPLICATED_IN, "ReplicationBytesInPerSec"),
    *_meter(b.REPLICATED_OUT, "ReplicationBytesOutPerSec"),
    *_meter(b.FAILED_PRODUCE, "FailedProduceRequestsPerSec"),
    *_meter(b.FAILED_FETCH, "FailedFetchRequestsPerSec"),
    *_topic_meter(b.TOPIC_BYTES_IN, "BytesInPerSec"),
    *_topic_meter(b.TOPIC_BYTES_OUT, "BytesOutPerSec"),
    *_value(k.BROKER_PARTITIONS, "server_ReplicaManager", "PartitionCount",
            "kafka_server_replicamanager_partitioncount"),
    *_value(k.BROKER_LEADERS, "server_ReplicaManager", "LeaderCount", "kafka_server_replicamanager_leadercount"),
    *_value(k.BROKER_UNDER_REPLICATED, "server_ReplicaManager", "UnderReplicatedPartitions",
            "kafka_server_replicamanager_underreplicatedpartitions"),
    *_value(k.BROKER_UNDER_MIN_ISR, "server_ReplicaManager", "UnderMinIsrPartitionCount",
            "kafka_server_replicamanager_underminisrpartitioncount"),
    *_value(k.BROKER_AT_MIN_ISR, "server_ReplicaManager", "AtMinIsrPartitionCount",
            "kafka_server_replicamanager_atminisrpartitioncount"),
    ExporterSeries(b.ZOOKEEPER_LATENCY, "kafka_server_ZooKeeperClientMetrics_Mean",
         {"name": "ZooKeeperRequestLatencyMs"}, scale=_MS, fold="max"),
    *(ExporterSeries(b.THROTTLED, f"kafka_server_{name}_queue_size", fixed={"quota": name.lower()})
      for name in ("Produce", "Fetch", "Request")),
    ExporterSeries(b.UNCLEANABLE, "kafka_log_LogCleanerManager_Value", {"name": "uncleanable-partitions-count"}),
    ExporterSeries(b.UNCLEANABLE, "kafka_log_logcleanermanager_uncleanable_partitions_count"),
    ExporterSeries(
        b.DEPRECATED_REQUESTS, "kafka_network_RequestMetrics_Count", {"name": "DeprecatedRequestsPerSec"},
        labels={"request": "request", "version": "version", "clientSoftwareName": "client",
                "clientSoftwareVersion": "client_version"}),
    *_network(),
    ExporterSeries(b.MEMORY_FREE, "node_memory_MemFree_bytes", page="node"),
    ExporterSeries(b.MEMORY_CACHED, "node_memory_Cached_bytes", page="node"),
)  # fmt: skip

CPU_SECONDS: Final = "node_cpu_seconds_total"
DISK_SIZE: Final = "node_filesystem_size_bytes"
DISK_FREE: Final = "node_filesystem_avail_bytes"
_POOLS: Final = (
    "MemoryPool", "G1_Old_Gen", "G1_Eden_Space", "G1_Survivor_Space", "Tenured_Gen", "Eden_Space", "Survivor_Space",
    "PS_Old_Gen", "PS_Eden_Space", "PS_Survivor_Space",
)  # fmt: skip
"""The exporter calls a pool's series by the bean's type or by its name, whichever comes first in the bean's name."""
HEAP_USED: Final = tuple(f"java_lang_{pool}_CollectionUsage_used" for pool in _POOLS)
HEAP_MOST: Final = tuple(f"java_lang_{pool}_CollectionUsage_max" for pool in _POOLS)

NAMES: Final[Mapping[str, frozenset[str]]] = {
    "jmx": frozenset(one.name for one in MAPPINGS if one.page == "jmx") | {*HEAP_USED, *HEAP_MOST, AGENT[0]},
    "node": frozenset(one.name for one in MAPPINGS if one.page == "node") | {CPU_SECONDS, DISK_SIZE, DISK_FREE},
}
"""All series that are wanted, by page."""
