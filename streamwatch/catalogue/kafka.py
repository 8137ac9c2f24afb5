"""Kafka and Amazon MSK: cluster, brokers, topics. Semantics are the brokers' own (JMX): see docs/metrics.md."""

from typing import Final

from streamwatch.model.metric import PRECEDENCE, CloudWatchMetric, Kind, Metric, Tier, Unit

CLUSTER: Final = ("kafka_cluster",)
BROKER: Final = (*CLUSTER, "broker")
LOG_DIR: Final = (*BROKER, "log_dir")
TOPIC: Final = (*CLUSTER, "topic")
GROUP: Final = (*CLUSTER, "group")
GROUP_TOPIC: Final = (*GROUP, "topic")
PARTITION: Final = (*TOPIC, "partition")
GROUP_PARTITION: Final = (*GROUP_TOPIC, "partition")
TRANSACTION: Final = (*PARTITION, "start_offset", "transactional_id", "producer_id")

_TIERS: Final = {
    CLUSTER: Tier.CLUSTER,
    BROKER: Tier.BROKER,
    TOPIC: Tier.TOPIC,
    GROUP: Tier.GROUP,
    GROUP_TOPIC: Tier.GROUP_TOPIC,
    PARTITION: Tier.PARTITION,
    GROUP_PARTITION: Tier.PARTITION,
}


def gauge(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    tier: Tier | None = None,
    cloudwatch: CloudWatchMetric | None = None,
    precedence: tuple[Kind, ...] = PRECEDENCE,
) -> Metric:
    """Define a gauge; its tier follows from its labels where they are one of the sets above."""
    return Metric(
        name=name,
        kind="gauge",
        unit=unit,
        labels=labels,
        tier=_TIERS[labels] if tier is None else tier,
        help=help,
        question=question,
        cloudwatch=cloudwatch,
        precedence=precedence,
    )


# The cluster -----------------------------------------------------------------------------------------------------

CLUSTER_INFO = gauge(
    "kafka_cluster_info",
    (*CLUSTER, "cluster_id"),
    "Always 1; names the cluster's own id.",
    question="Is this the cluster I think it is?",
    tier=Tier.CLUSTER,
)
ACTIVE_CONTROLLERS = gauge(
    "kafka_active_controllers",
    CLUSTER,
    "Controllers that are active, as brokers find them: 1, or 0 when none of up to four brokers asked finds one; absent"
    " when nobody can or may tell: the problems say why. In KRaft this asks the controller quorum, not the metadata.",
    question="Can anything in the cluster still be decided?",
    cloudwatch=CloudWatchMetric("ActiveControllerCount", "DEFAULT", "Maximum"),
    # AWS itself calls CloudWatch's count unreliable on KRaft: only controllers know it, and brokers report it.
    precedence=("kafka", "pages"),
)
OFFLINE_PARTITIONS = gauge(
    "kafka_offline_partitions",
    CLUSTER,
    "Partitions without a leader, internal topics included. Absent while no controller is active.",
    question="Is there data that nobody can write or read?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("OfflinePartitionsCount", "DEFAULT", "Maximum", vital=True),
)
UNREACHABLE_PARTITIONS = gauge(
    "kafka_unreachable_partitions",
    CLUSTER,
    "Partitions whose leader, according to the metadata, does not answer the agent, or that have no leader. Producers"
    " feel this before the controller knows.",
    question="What do producers and consumers feel right now?",
    unit="partitions",
)
PARTITIONS = gauge(
    "kafka_partitions",
    CLUSTER,
    "Partitions of all topics, internal ones included, replicas not counted.",
    question="How large is the cluster?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("GlobalPartitionCount", "DEFAULT", "Maximum"),
)
TOPICS = gauge(
    "kafka_topics",
    CLUSTER,
    "Topics, internal ones included.",
    question="Are there too many topics?",
    unit="topics",
    cloudwatch=CloudWatchMetric("GlobalTopicCount", "DEFAULT", "Maximum"),
)
BROKERS = gauge(
    "kafka_brokers",
    CLUSTER,
    "Brokers that the metadata lists. A dead one leaves the list when its session times out.",
    question="Does the cluster still count all its brokers?",
    unit="brokers",
)
REASSIGNING_PARTITIONS = gauge(
    "kafka_reassigning_partitions",
    CLUSTER,
    "Partitions that are being moved between brokers.",
    question="Are partitions under-replicated because somebody moves them?",
    unit="partitions",
)
NON_PREFERRED_LEADERS = gauge(
    "kafka_non_preferred_leader_ratio",
    CLUSTER,
    "Share of the partitions with a leader that are led by another replica than their preferred (first) one.",
    question="Did leadership come back after the last restart?",
    unit="ratio",
)
LEADER_SKEW = gauge(
    "kafka_leader_skew_ratio",
    CLUSTER,
    "By how much the broker with the most leaders exceeds the mean of the brokers that are registered (0: even).",
    question="Does one broker carry more than its share of the requests?",
    unit="ratio",
)
BYTES_SKEW = gauge(
    "kafka_log_bytes_skew_ratio",
    CLUSTER,
    "By how much the broker with the most log bytes exceeds the mean of the brokers that are registered (0: even).",
    question="Will one disk be full long before the others?",
    unit="ratio",
)
GROUPS = gauge(
    "kafka_groups",
    CLUSTER,
    "Groups that the configuration looks at. Absent while a registered broker did not tell its groups.",
    question="How many applications read from here?",
    unit="groups",
)

# Brokers ---------------------------------------------------------------------------------------------------------

BROKER_UP = gauge(
    "kafka_broker_up",
    BROKER,
    "Whether the broker answers the agent (1) or not (0), by a connection of its own; also 0 while another cluster's"
    " broker answers at its address. Known brokers are those that the metadata lists or that hold replicas.",
    question="Which broker is dead, hung or cut off?",
)
BROKER_INFO = gauge(
    "kafka_broker_info",
    (*BROKER, "host", "rack"),
    "Always 1; names the broker's address and rack.",
    question="Where is this broker?",
    tier=Tier.BROKER,
)
BROKER_PARTITIONS = gauge(
    "kafka_broker_partitions",
    BROKER,
    "Partition replicas assigned to the broker, leaders and followers.",
    question="Does this broker hold too many partitions?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("PartitionCount", "DEFAULT", "Maximum"),
)
BROKER_PARTITIONS_LIMIT = gauge(
    "kafka_broker_partitions_limit_ratio",
    BROKER,
    "Partition replicas assigned to the broker, as a share of the configured limit (`partitions_per_broker`).",
    question="Too many topics?",
    unit="ratio",
)
BROKER_LEADERS = gauge(
    "kafka_broker_leaders",
    BROKER,
    "Partitions that the broker leads. Absent while no controller is active.",
    question="How is the work shared out?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("LeaderCount", "DEFAULT", "Maximum"),
)
BROKER_UNDER_REPLICATED = gauge(
    "kafka_broker_under_replicated_partitions",
    BROKER,
    "Partitions led by this broker with a replica out of sync: the broker that counts them is not the one that"
    " causes them. A partition without a leader is offline instead. Absent while no controller is active.",
    question="Would losing one more broker lose data?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("UnderReplicatedPartitions", "DEFAULT", "Maximum", vital=True),
)
BROKER_UNDER_MIN_ISR = gauge(
    "kafka_broker_under_min_isr_partitions",
    BROKER,
    "Partitions led by this broker with fewer replicas in sync than `min.insync.replicas`: producers with acks=all are"
    " refused. Absent where a topic's setting could not be read, or while no controller is active.",
    question="Which producers are refused right now?",
    unit="partitions",
    cloudwatch=CloudWatchMetric("UnderMinIsrPartitionCount", "DEFAULT", "Maximum", vital=True),
)
BROKER_AT_MIN_ISR = gauge(
    "kafka_broker_at_min_isr_partitions",
    BROKER,
    "Partitions led by this broker with exactly `min.insync.replicas` replicas in sync.",
    question="Which producers will be refused if one more replica goes?",
    unit="partitions",
)
BROKER_OUT_OF_SYNC = gauge(
    "kafka_broker_out_of_sync_replicas",
    BROKER,
    "Replicas assigned to this broker that are missing from their partition's ISR: the broker that causes"
    " under-replication.",
    question="Which broker is behind it?",
    unit="partitions",
)
BROKER_LOG_BYTES = gauge(
    "kafka_broker_log_bytes",
    BROKER,
    "Size of all logs on the broker, every replica counted; what a service keeps in an object store is not on it.",
    question="How much does this broker store?",
    unit="bytes",
)
LOG_DIR_USED = gauge(
    "kafka_broker_log_dir_used_ratio",
    LOG_DIR,
    "Used share of the volume that the log directory is on (Kafka 3.3 and later).",
    question="How soon is the disk full?",
    unit="ratio",
    tier=Tier.BROKER,
)
LOG_DIR_TOTAL = gauge(
    "kafka_broker_log_dir_total_bytes",
    LOG_DIR,
    "Size of the volume that the log directory is on (Kafka 3.3 and later).",
    question="How large is the disk?",
    unit="bytes",
    tier=Tier.BROKER,
)
LOG_DIR_USABLE = gauge(
    "kafka_broker_log_dir_usable_bytes",
    LOG_DIR,
    "Bytes that are left on the volume that the log directory is on (Kafka 3.3 and later).",
    question="How much still fits?",
    unit="bytes",
    tier=Tier.BROKER,
)
LOG_DIR_ONLINE = gauge(
    "kafka_broker_log_dir_online",
    LOG_DIR,
    "Whether the broker can use the log directory (1) or has taken it offline (0); absent where it answers with another"
    " error, which is a problem.",
    question="Did a disk fail?",
    tier=Tier.BROKER,
)

# Topics ----------------------------------------------------------------------------------------------------------

TOPIC_PARTITIONS = gauge(
    "kafka_topic_partitions",
    TOPIC,
    "Partitions of the topic.",
    question="How many consumers can share the work?",
    unit="partitions",
)
TOPIC_REPLICATION = gauge(
    "kafka_topic_replication_factor",
    TOPIC,
    "Replicas that each partition should have; the least, where partitions differ.",
    question="How many brokers may die before data does?",
)
TOPIC_MIN_ISR = gauge(
    "kafka_topic_min_isr",
    TOPIC,
    "The topic's `min.insync.replicas`.",
    question="How many replicas must confirm a write?",
)
TOPIC_OFFLINE = gauge(
    "kafka_topic_offline_partitions",
    TOPIC,
    "Partitions of the topic without a leader. Absent while no controller is active.",
    question="Whose data is out of reach?",
    unit="partitions",
)
TOPIC_UNDER_REPLICATED = gauge(
    "kafka_topic_under_replicated_partitions",
    TOPIC,
    "Partitions of the topic that have a leader and a replica out of sync. Absent while no controller is active.",
    question="Whose data is at risk?",
    unit="partitions",
)
TOPIC_END_OFFSET = gauge(
    "kafka_topic_end_offset",
    TOPIC,
    "Sum of the partitions' end offsets (high watermarks): its rate is the produce rate, in records a second"
    " (transaction markers included). Absent where a partition's is not known, and in the one read in which another"
    " topic (by its id) stands under the old name: `rate()` takes the new topic's lower sum for a reset, and of a"
    " higher one counts the difference, which is less than what was produced, never more.",
    question="How much is produced?",
    unit="records",
)
TOPIC_START_OFFSET = gauge(
    "kafka_topic_start_offset",
    TOPIC,
    "Sum of the partitions' log start offsets: its rate is what retention deletes. Absent, as the end offsets, in the"
    " one read in which another topic stands under the old name.",
    question="How much is deleted?",
    unit="records",
)
TOPIC_UNDECIDED_RECORDS = gauge(
    "kafka_topic_undecided_records",
    TOPIC,
    "Records between the partitions' last stable offsets and their ends: readers of committed data wait there until a"
    " transaction is committed or aborted. Absent where a partition's is not known.",
    question="How much do open transactions hold back?",
    unit="records",
)
TOPIC_UNDECIDED_SECONDS = gauge(
    "kafka_topic_undecided_seconds",
    TOPIC,
    "For how long a last stable offset has been seen to stand below its partition's end, the longest of the topic's"
    " partitions: so long at least have readers of committed data waited there. 0 where none stands.",
    question="Does an open transaction hold its readers back?",
    unit="seconds",
)
TRANSACTION_START = gauge(
    "kafka_topic_transaction_start_timestamp_seconds",
    TRANSACTION,
    "When the transaction began that holds the readers of committed data of a partition back at `start_offset`: as its"
    " coordinator says; where none knows it, when its producer wrote last; else since when the last stable offset is"
    " seen to stand. Shown once that has lasted, of 50 at most. `transactional_id` and `producer_id` are empty where"
    " the agent may not ask (docs/kafka.md).",
    question="Whose transaction holds readers back, where, and since when?",
    unit="seconds",
    tier=Tier.TOPIC,
)
TRANSACTION_COORDINATED = gauge(
    "kafka_topic_transaction_coordinated",
    TRANSACTION,
    "Whether a transaction coordinator counts the partition in (1): it ends the transaction when its time is over. One"
    " that none does (0) hangs for good. Absent where that is not known.",
    question="Will that transaction end by itself?",
    tier=Tier.TOPIC,
)
TOPIC_LOG_BYTES = gauge(
    "kafka_topic_log_bytes",
    TOPIC,
    "Size of the topic, one replica (the leader's) counted. Absent where a leader's is not known.",
    question="Which topic fills the disks?",
    unit="bytes",
)
TOPIC_RETENTION_SECONDS = gauge(
    "kafka_topic_retention_seconds",
    TOPIC,
    "How long records are kept (`retention.ms`); +Inf for ever.",
    question="How long may a consumer be away?",
    unit="seconds",
)
TOPIC_RETENTION_BYTES = gauge(
    "kafka_topic_retention_bytes",
    TOPIC,
    "How much each partition keeps (`retention.bytes`); +Inf without a limit.",
    question="Does size expire records before time does?",
    unit="bytes",
)

TOPIC_CLEANUP_POLICY = gauge(
    "kafka_topic_cleanup_policy_info",
    (*TOPIC, "policy"),
    "Always 1; names what becomes of the topic's old records (`cleanup.policy`): `delete`, `compact`, `compact,delete`"
    " or `none`. Absent where the setting could not be read.",
    question="Do records go, or only those that newer ones replace?",
    tier=Tier.TOPIC,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
