"""Amazon MSK: what only its control plane and CloudWatch know; and which CloudWatch metric tells which of ours."""

from typing import Final

from streamwatch.catalogue import kafka, kafka_brokers, kafka_groups
from streamwatch.catalogue.kafka import BROKER, CLUSTER, gauge
from streamwatch.catalogue.kafka_brokers import counter
from streamwatch.model.metric import CloudWatch, Metric, Tier
from streamwatch.model.msk import Twin

_MS: Final = 0.001

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
ZOOKEEPER_LATENCY = gauge(
    "kafka_broker_zookeeper_latency_seconds",
    BROKER,
    "Mean time of a request to ZooKeeper.",
    question="Is ZooKeeper slow?",
    unit="seconds",
    cloudwatch=CloudWatch("ZooKeeperRequestLatencyMsMean", "DEFAULT", "Average", _MS),
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
    Twin(TRAFFIC_SHAPED, "TrafficShaping", "Sum"),
    Twin(IAM_REFUSED, "IAMTooManyConnections", "Sum"),
    *(
        Twin(ALLOWANCE_EXCEEDED, f"{name}AllowanceExceeded", "Sum", 1.0, (("allowance", kind),))
        for name, kind in _ALLOWANCES.items()
    ),
)
"""Everything that CloudWatch can tell about a cluster."""
