"""Which CloudWatch metric tells which of ours, at which level of enhanced monitoring, and on which type of cluster."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from streamwatch.catalogue import kafka, kafka_groups, msk
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.model.metric import Metric
from streamwatch.model.msk import LEVELS, CloudWatchMapping, Level, Statistic, Type

_MS: Final = 0.001
_A_MINUTE: Final = 60.0
"""CloudWatch's rates are a second's, and there is one a minute: so much of each is what happened in that minute."""
_PHASES: Final = {
    "TotalTime": "total",
    "RequestQueueTime": "queue",
    "LocalTime": "local",
    "ResponseQueueTime": "response_queue",
    "ResponseSendTime": "send",
}
_PACKETS: Final = ((b.PACKETS, "Packets"), (b.PACKETS_DROPPED, "Dropped"), (b.PACKET_ERRORS, "Errors"))
_MODES: Final = {"CpuUser": "user", "CpuSystem": "system", "CpuIdle": "idle", "CpuIoWait": "iowait"}
_QUOTAS: Final = (("Produce", "produce"), ("Fetch", "fetch"), ("Request", "request"))
_ALLOWANCES: Final = {"BwIn": "bandwidth_in", "BwOut": "bandwidth_out", "Conntrack": "connections", "Pps": "packets"}
_STANDARD: Final = frozenset(
    {
        "UnderReplicatedPartitions", "OfflinePartitionsCount", "UnderMinIsrPartitionCount", "KafkaDataLogsDiskUsed",
        "HeapMemoryAfterGC", "BurstBalance", "CPUCreditBalance", "ZooKeeperRequestLatencyMsMean",
        "ZooKeeperSessionState", "CpuIoWait", "KafkaAppLogsDiskUsed", "RootDiskUsed",
    }
)  # fmt: skip
"""Express has none of these: its storage and its replication are AWS's business."""
_LEVELS: Final[Mapping[str, Level]] = {one: one for one in LEVELS}
_EVERYWHERE: Final = frozenset({"SumOffsetLag", "MaxOffsetLag"})


def _of(
    level: Level, metric: Metric, name: str, statistic: Statistic, scale: float = 1.0, /, **fixed: str
) -> CloudWatchMapping:
    """Return a mapping; labels that CloudWatch has in the metric's name are given by name."""
    return CloudWatchMapping(metric, name, statistic, scale, tuple(fixed.items()), level, _types(name))


def _types(name: str) -> frozenset[Type]:
    if name in _STANDARD or name.startswith("Volume") or name.endswith("AllowanceExceeded"):
        return frozenset({"standard"})
    if name in {"StorageUsed", "RebalanceInProgress", "UnderProvisioned"}:
        return frozenset({"express"})
    return frozenset({"standard", "express", "serverless"} if name in _EVERYWHERE else {"standard", "express"})


def _named(metrics: Iterable[Metric]) -> Iterator[CloudWatchMapping]:
    """Yield the mappings of metrics that have one by themselves."""
    for one in metrics:
        mapping = one.cloudwatch
        if mapping is not None:
            yield _of(_LEVELS[mapping.level], one, mapping.name, mapping.statistic, mapping.scale)


def _requests() -> Iterator[CloudWatchMapping]:
    for request in ("Produce", "FetchConsumer", "FetchFollower"):
        for name, phase in _PHASES.items():
            level: Level = "DEFAULT" if (request, phase) == ("Produce", "total") else "PER_BROKER"
            metric = f"{request}{name}MsMean"
            yield _of(level, b.REQUEST_MEAN, metric, "Average", _MS, request=request, phase=phase)


def _hosts() -> Iterator[CloudWatchMapping]:
    for name, mode in _MODES.items():
        yield _of("DEFAULT", b.CPU, name, "Average", 0.01, mode=mode)
    for way, direction in (("Rx", "in"), ("Tx", "out")):
        for metric, what in _PACKETS:
            yield _of("DEFAULT", metric, f"Network{way}{what}", "Sum", direction=direction)
    yield _of("DEFAULT", msk.TRAFFIC_SHAPED, "TrafficShaping", "Sum")
    for name, allowance in _ALLOWANCES.items():
        yield _of("PER_BROKER", msk.ALLOWANCE_EXCEEDED, f"{name}AllowanceExceeded", "Sum", allowance=allowance)
    for way in ("Read", "Write"):
        direction = way.lower()
        yield _of("PER_BROKER", msk.VOLUME_BYTES, f"Volume{way}Bytes", "Sum", direction=direction)
        yield _of("PER_BROKER", msk.VOLUME_OPERATIONS, f"Volume{way}Ops", "Sum", direction=direction)
        yield _of("PER_BROKER", msk.VOLUME_SECONDS, f"VolumeTotal{way}Time", "Sum", direction=direction)


def _traffic() -> Iterator[CloudWatchMapping]:
    yield _of("DEFAULT", b.BYTES_IN, "BytesInPerSec", "Average", _A_MINUTE)
    yield _of("DEFAULT", b.BYTES_OUT, "BytesOutPerSec", "Average", _A_MINUTE)
    yield _of("DEFAULT", b.MESSAGES_IN, "MessagesInPerSec", "Average", _A_MINUTE)
    yield _of("DEFAULT", b.TOPIC_BYTES_IN, "BytesInPerSec", "Average", _A_MINUTE)
    yield _of("DEFAULT", b.TOPIC_BYTES_OUT, "BytesOutPerSec", "Average", _A_MINUTE)
    yield _of("PER_BROKER", b.REPLICATED_IN, "ReplicationBytesInPerSec", "Average", _A_MINUTE)
    yield _of("PER_BROKER", b.REPLICATED_OUT, "ReplicationBytesOutPerSec", "Average", _A_MINUTE)


def _clients() -> Iterator[CloudWatchMapping]:
    # One point a network thread: their sum is the broker's.
    yield _of(
        "PER_BROKER", b.CONNECTIONS_CREATED, "ConnectionCreationRate", "Sum", _A_MINUTE, listener="clients"
    )  # fmt: skip
    yield _of("PER_BROKER", b.CONNECTIONS_CLOSED, "ConnectionCloseRate", "Sum", _A_MINUTE, listener="clients")
    yield _of("PER_BROKER", msk.IAM_REFUSED, "IAMTooManyConnections", "Sum")
    for name, quota in _QUOTAS:
        yield _of("PER_BROKER", msk.THROTTLE, f"{name}ThrottleTime", "Average", _MS, quota=quota)
        yield _of("PER_BROKER", b.THROTTLED, f"{name}ThrottleQueueSize", "Average", quota=quota)


def _serverless() -> Iterator[CloudWatchMapping]:
    """Yield what Serverless alone has, under names that the others have with other dimensions.

    There is one point a partition: their sum is the topic's.
    """
    only: frozenset[Type] = frozenset({"serverless"})
    for metric, name in (
        (msk.TOPIC_BYTES_IN, "BytesInPerSec"),
        (msk.TOPIC_BYTES_OUT, "BytesOutPerSec"),
        (msk.TOPIC_RECORDS_IN, "MessagesInPerSec"),
    ):
        yield CloudWatchMapping(metric, name, "Sum", _A_MINUTE, on=only)
    yield CloudWatchMapping(msk.DRAIN, "MaxEstimatedTimeLag", "Maximum", on=only)


MAPPINGS: Final[tuple[CloudWatchMapping, ...]] = (
    *_named((*kafka.METRICS, *b.METRICS, *kafka_groups.METRICS, *msk.METRICS)),
    *_requests(),
    *_traffic(),
    *_clients(),
    *_hosts(),
    *_serverless(),
)
"""Everything that CloudWatch can tell about a cluster."""
