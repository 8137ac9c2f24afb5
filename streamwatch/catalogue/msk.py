"""Amazon MSK: what only its control plane and CloudWatch know; and which CloudWatch metric tells which of ours."""

from typing import Final

from streamwatch.catalogue import kafka, kafka_brokers, kafka_groups
from streamwatch.catalogue.kafka import BROKER, CLUSTER, GROUP_TOPIC, TOPIC, gauge
from streamwatch.catalogue.kafka_brokers import counter
from streamwatch.model.metric import CloudWatch, Metric, Tier
from streamwatch.model.msk import Twin

_MS: Final = 0.001
_A_MINUTE: Final = 60.0
"""CloudWatch's rates are a second's, and there is one a minute: so much of each is what happened in that minute."""

CLUSTER_INFO = gauge(
    "kafka_msk_cluster_info",
    (*CLUSTER, "type", "kafka_version", "instance_type", "monitoring_level"),
    "Always 1; names the broker type (`standard`, `express`, `serverless`), the version, the instance type, and the"
    " level of enhanced monitoring.",
    question="Which metrics can there be?",
    tier=Tier.CLUSTER,
)
CLUSTER_STATE = gauge(
    "kafka_msk_cluster_state",
    (*CLUSTER, "state"),
    "Always 1; names the state: ACTIVE, MAINTENANCE, HEALING, REBOOTING_BROKER, UPDATING, ...",
    question="Is AWS working on it?",
    tier=Tier.CLUSTER,
)
OPERATIONS = gauge(
    "kafka_msk_operations",
    (*CLUSTER, "type"),
    "Operations on the cluster that have not ended, by type.",
    question="Is a broker down because it is being patched?",
    tier=Tier.CLUSTER,
)
PARTITIONS_LIMIT = gauge(
    "kafka_msk_partitions_per_broker_limit",
    (*CLUSTER, "bound"),
    "Partition replicas that a broker of this instance type should hold (`recommended`), and beyond which AWS refuses"
    " updates (`maximum`); absent for types that AWS's tables do not list.",
    question="Are there too many partitions for this size of broker?",
    tier=Tier.CLUSTER,
    unit="partitions",
)
TRAFFIC_SHAPED = counter(
    "kafka_broker_traffic_shaped_packets_total",
    BROKER,
    "Packets that were queued or dropped because the instance used up a network allowance.",
    question="Is the instance too small?",
)
ALLOWANCE_EXCEEDED = counter(
    "kafka_broker_network_allowance_exceeded_total",
    (*BROKER, "allowance"),
    "Packets shaped because an allowance was used up: `bandwidth_in`, `bandwidth_out`, `connections`, `packets`.",
    question="Which allowance is used up?",
)
CPU_CREDITS = gauge(
    "kafka_broker_cpu_credits",
    BROKER,
    "CPU credits that are left (t3 instances).",
    question="When will it slow down?",
    cloudwatch=CloudWatch("CPUCreditBalance", "DEFAULT", "Minimum"),
)
BURST_BALANCE = gauge(
    "kafka_broker_volume_burst_balance_ratio",
    BROKER,
    "Share of the volume's I/O burst credits that is left.",
    question="When will the disk slow down?",
    unit="ratio",
    cloudwatch=CloudWatch("BurstBalance", "DEFAULT", "Minimum", 0.01),
)
VOLUME_QUEUE = gauge(
    "kafka_broker_volume_queue_length",
    BROKER,
    "Operations that wait for the volume.",
    question="Is the disk too slow?",
    cloudwatch=CloudWatch("VolumeQueueLength", "PER_BROKER", "Average"),
)
IAM_REFUSED = counter(
    "kafka_broker_iam_refused_connections_total",
    BROKER,
    "Connections refused because more than 100 a second asked to log in by IAM.",
    question="Do clients connect in a storm?",
)
CLIENT_CONNECTIONS = gauge(
    "kafka_broker_client_connections",
    (*BROKER, "authentication"),
    "Connections of clients that have logged in, by how: `SSL`, `SASL_SCRAM`, `IAM`.",
    question="How near is the limit of 3,000 connections by IAM?",
    tier=Tier.BROKER,
    cloudwatch=CloudWatch("ClientConnectionCount", "DEFAULT", "Sum"),
)
VOLUME_BYTES = counter(
    "kafka_broker_volume_bytes_total",
    (*BROKER, "direction"),
    "Bytes that the broker's volume was asked to `read` and `write`.",
    question="How near is the volume's or the instance's limit of throughput?",
    unit="bytes",
)
VOLUME_OPERATIONS = counter(
    "kafka_broker_volume_operations_total",
    (*BROKER, "direction"),
    "Operations on the broker's volume, `read` and `write`.",
    question="How near is the volume's limit of operations?",
)
VOLUME_SECONDS = counter(
    "kafka_broker_volume_seconds_total",
    (*BROKER, "direction"),
    "Time that all operations on the volume took together: divided by their number, the latency.",
    question="Is the disk slow?",
    unit="seconds",
)
THROTTLE = gauge(
    "kafka_broker_throttle_seconds",
    (*BROKER, "quota"),
    "Mean time by which quotas delayed requests: `produce`, `fetch`, `request`. Absent until something was throttled.",
    question="Are clients slowed down by a quota?",
    unit="seconds",
    tier=Tier.BROKER,
)
DRAIN = gauge(
    "kafka_group_topic_drain_seconds",
    GROUP_TOPIC,
    "CloudWatch's estimate of how long the group needs to read what is left, at its present rate: not the age of the"
    " oldest record. It is missing or stands still for a group that does not read.",
    question="When will it have caught up?",
    unit="seconds",
    cloudwatch=CloudWatch("EstimatedMaxTimeLag", "DEFAULT", "Maximum"),
)
STORAGE = gauge(
    "kafka_msk_storage_used_bytes",
    CLUSTER,
    "Storage that all partitions use, replicas not counted (Express).",
    question="What will it cost?",
    unit="bytes",
    cloudwatch=CloudWatch("StorageUsed", "DEFAULT", "Maximum"),
)
TOPIC_BYTES_IN = counter(
    "kafka_msk_topic_received_bytes_total",
    TOPIC,
    "Bytes that clients produced to the topic (Serverless).",
    question="How much comes in?",
    unit="bytes",
    tier=Tier.TOPIC,
)
TOPIC_BYTES_OUT = counter(
    "kafka_msk_topic_sent_bytes_total",
    TOPIC,
    "Bytes that consumers fetched from the topic (Serverless).",
    question="How much goes out?",
    unit="bytes",
    tier=Tier.TOPIC,
)
TOPIC_RECORDS_IN = counter(
    "kafka_msk_topic_received_records_total",
    TOPIC,
    "Records that clients produced to the topic (Serverless).",
    question="How much comes in?",
    unit="records",
    tier=Tier.TOPIC,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

_PHASES: Final = {
    "TotalTime": "total",
    "RequestQueueTime": "queue",
    "LocalTime": "local",
    "ResponseQueueTime": "response_queue",
    "ResponseSendTime": "send",
}
_NAMED: Final = tuple(
    Twin(one, one.cloudwatch.name, one.cloudwatch.statistic, one.cloudwatch.scale)
    for one in (*kafka.METRICS, *kafka_brokers.METRICS, *kafka_groups.METRICS, *METRICS)
    if one.cloudwatch is not None
)
_PACKETS: Final = (
    (kafka_brokers.PACKETS, "Packets"),
    (kafka_brokers.PACKETS_DROPPED, "Dropped"),
    (kafka_brokers.PACKET_ERRORS, "Errors"),
)
_MODES: Final = {"CpuUser": "user", "CpuSystem": "system", "CpuIdle": "idle", "CpuIoWait": "iowait"}
_QUOTAS: Final = (("Produce", "produce"), ("Fetch", "fetch"), ("Request", "request"))
_ALLOWANCES: Final = {"BwIn": "bandwidth_in", "BwOut": "bandwidth_out", "Conntrack": "connections", "Pps": "packets"}
TWINS: Final[tuple[Twin, ...]] = (
    *_NAMED,
    *(
        Twin(
            kafka_brokers.REQUEST_MEAN,
            f"{request}{name}MsMean",
            "Average",
            _MS,
            (("request", request), ("phase", phase)),
        )
        for request in ("Produce", "FetchConsumer", "FetchFollower")
        for name, phase in _PHASES.items()
    ),
    *(Twin(kafka_brokers.CPU, name, "Average", 0.01, (("mode", mode),)) for name, mode in _MODES.items()),
    *(
        Twin(metric, f"Network{way}{what}", "Sum", 1.0, (("direction", direction),))
        for way, direction in (("Rx", "in"), ("Tx", "out"))
        for metric, what in _PACKETS
    ),
    *(
        Twin(metric, name, "Average", _A_MINUTE)
        for metric, name in (
            (kafka_brokers.BYTES_IN, "BytesInPerSec"),
            (kafka_brokers.BYTES_OUT, "BytesOutPerSec"),
            (kafka_brokers.MESSAGES_IN, "MessagesInPerSec"),
            (kafka_brokers.REPLICATED_IN, "ReplicationBytesInPerSec"),
            (kafka_brokers.REPLICATED_OUT, "ReplicationBytesOutPerSec"),
            (kafka_brokers.TOPIC_BYTES_IN, "BytesInPerSec"),
            (kafka_brokers.TOPIC_BYTES_OUT, "BytesOutPerSec"),
        )
    ),
    # One point a partition: their sum is the topic's.
    *(
        Twin(metric, name, "Sum", _A_MINUTE)
        for metric, name in (
            (TOPIC_BYTES_IN, "BytesInPerSec"),
            (TOPIC_BYTES_OUT, "BytesOutPerSec"),
            (TOPIC_RECORDS_IN, "MessagesInPerSec"),
        )
    ),
    Twin(DRAIN, "MaxEstimatedTimeLag", "Maximum"),
    # One point a network thread: their sum is the broker's.
    Twin(kafka_brokers.CONNECTIONS_CREATED, "ConnectionCreationRate", "Sum", _A_MINUTE, (("listener", "clients"),)),
    *(
        Twin(metric, f"Volume{part}{what}", "Sum", 1.0, (("direction", direction),))
        for part, direction in (("Read", "read"), ("Write", "write"))
        for metric, what in ((VOLUME_BYTES, "Bytes"), (VOLUME_OPERATIONS, "Ops"))
    ),
    Twin(VOLUME_SECONDS, "VolumeTotalReadTime", "Sum", 1.0, (("direction", "read"),)),
    Twin(VOLUME_SECONDS, "VolumeTotalWriteTime", "Sum", 1.0, (("direction", "write"),)),
    *(Twin(THROTTLE, f"{name}ThrottleTime", "Average", _MS, (("quota", quota),)) for name, quota in _QUOTAS),
    *(
        Twin(kafka_brokers.THROTTLED, f"{name}ThrottleQueueSize", "Average", 1.0, (("quota", quota),))
        for name, quota in _QUOTAS
    ),
    Twin(TRAFFIC_SHAPED, "TrafficShaping", "Sum"),
    Twin(IAM_REFUSED, "IAMTooManyConnections", "Sum"),
    *(
        Twin(ALLOWANCE_EXCEEDED, f"{name}AllowanceExceeded", "Sum", 1.0, (("allowance", kind),))
        for name, kind in _ALLOWANCES.items()
    ),
)
"""Everything that CloudWatch can tell about a cluster."""
