"""Amazon MSK: what only its control plane and CloudWatch know."""

from streamwatch.catalogue.kafka import BROKER, CLUSTER, GROUP_TOPIC, TOPIC, gauge
from streamwatch.catalogue.kafka_brokers import counter
from streamwatch.model.metric import CloudWatchMetric, Metric, Tier

CLUSTER_INFO = gauge(
    "kafka_msk_cluster_info",
    (*CLUSTER, "type", "metadata", "kafka_version", "instance_type", "monitoring_level"),
    "Always 1; names the broker type (`standard`, `express`, `serverless`), what keeps the metadata (`kraft`,"
    " `zookeeper`), the version, the instance type, and the level of enhanced monitoring.",
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
REASSIGNMENT_STATE = gauge(
    "kafka_msk_topic_reassignment_state",
    (*CLUSTER, "state", "instance_type"),
    "Always 1; names the state of the newest topic reassignment between Standard and Express brokers (PENDING,"
    " IN_PROGRESS, STOPPING, COMPLETE, FAILED, STOPPED), and the type of broker that it moves topics to.",
    question="Is the upgrade to Express brokers under way, or stuck?",
    tier=Tier.CLUSTER,
)
REASSIGNMENT_TOPICS = gauge(
    "kafka_msk_topic_reassignment_topics",
    CLUSTER,
    "Topics that the newest topic reassignment is to move.",
    question="How much is to be moved?",
    unit="topics",
    tier=Tier.CLUSTER,
)
REASSIGNMENT_COMPLETED = gauge(
    "kafka_msk_topic_reassignment_completed_topics",
    CLUSTER,
    "Topics that the newest topic reassignment has moved.",
    question="How far is it?",
    unit="topics",
    tier=Tier.CLUSTER,
)
ASSESSMENT_FINDINGS = gauge(
    "kafka_msk_assessment_findings",
    (*CLUSTER, "category", "severity"),
    "What the newest complete assessment of the cluster found: by category (INFRASTRUCTURE, BROKER_CONFIGURATION,"
    " TOPIC_CONFIGURATION, CAPACITY, HEALTH) and severity (ERROR, WARNING, INFO).",
    question="What would block an upgrade to Express brokers?",
    tier=Tier.CLUSTER,
)
ASSESSMENT_TIME = gauge(
    "kafka_msk_assessment_timestamp_seconds",
    CLUSTER,
    "When the newest complete assessment was made, in seconds since 1970.",
    question="Is what it found still so?",
    unit="seconds",
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
IAM_CONNECTIONS_LIMIT = gauge(
    "kafka_msk_iam_connections_limit",
    (*CLUSTER, "bound"),
    "Connections by IAM that a broker of this type takes: `open` at a time, and `new` a second.",
    question="How near are clients to being refused?",
    tier=Tier.CLUSTER,
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
    cloudwatch=CloudWatchMetric("CPUCreditBalance", "DEFAULT", "Minimum"),
)
BURST_BALANCE = gauge(
    "kafka_broker_volume_burst_balance_ratio",
    BROKER,
    "Share of the volume's I/O burst credits that is left.",
    question="When will the disk slow down?",
    unit="ratio",
    cloudwatch=CloudWatchMetric("BurstBalance", "DEFAULT", "Minimum", 0.01),
)
VOLUME_QUEUE = gauge(
    "kafka_broker_volume_queue_length",
    BROKER,
    "Operations that wait for the volume.",
    question="Is the disk too slow?",
    cloudwatch=CloudWatchMetric("VolumeQueueLength", "PER_BROKER", "Average"),
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
    cloudwatch=CloudWatchMetric("ClientConnectionCount", "DEFAULT", "Sum"),
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
    cloudwatch=CloudWatchMetric("EstimatedMaxTimeLag", "DEFAULT", "Maximum"),
)
STORAGE = gauge(
    "kafka_msk_storage_used_bytes",
    CLUSTER,
    "Storage that all partitions use, replicas not counted (Express).",
    question="What will it cost?",
    unit="bytes",
    cloudwatch=CloudWatchMetric("StorageUsed", "DEFAULT", "Maximum"),
)
REBALANCING = gauge(
    "kafka_msk_rebalancing",
    CLUSTER,
    "Whether MSK moves partitions between the brokers by itself (intelligent rebalancing, Express): 1 or 0.",
    question="Who moves my partitions?",
    cloudwatch=CloudWatchMetric("RebalanceInProgress", "DEFAULT", "Maximum"),
)
UNDER_PROVISIONED = gauge(
    "kafka_msk_under_provisioned",
    CLUSTER,
    "Whether the brokers are too few or too small for what the cluster carries, so that MSK cannot rebalance it"
    " (Express): 1 or 0.",
    question="Does it need more brokers, or larger ones?",
    cloudwatch=CloudWatchMetric("UnderProvisioned", "DEFAULT", "Maximum"),
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
