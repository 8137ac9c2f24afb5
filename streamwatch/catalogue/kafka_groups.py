"""Consumer groups, and what is opt-in for each partition."""

from streamwatch.catalogue.kafka import GROUP, GROUP_PARTITION, GROUP_TOPIC, PARTITION, gauge
from streamwatch.model.metric import CloudWatch, Metric, Tier

# Groups ----------------------------------------------------------------------------------------------------------

GROUP_STATE = gauge(
    "kafka_group_state",
    (*GROUP, "type", "state"),
    "Always 1; names the group's type (classic, consumer, share, streams) and the state it is in.",
    question="Is the group reading, rebalancing or empty?",
    tier=Tier.GROUP,
)
GROUP_MEMBERS = gauge(
    "kafka_group_members",
    GROUP,
    "Members of the group.",
    question="Are all instances of the application there?",
    unit="members",
)
GROUP_IDLE_MEMBERS = gauge(
    "kafka_group_members_without_partitions",
    GROUP,
    "Members that hold no partition: more consumers than partitions. Absent while the group rebalances.",
    question="Are there consumers that can never get work?",
    unit="members",
)
GROUP_LAG = gauge(
    "kafka_group_lag",
    GROUP,
    "Records that the group has not committed yet, all its topics together. Absent where a partition's is not known.",
    question="How far behind is the application?",
    unit="records",
)
GROUP_LAG_SECONDS = gauge(
    "kafka_group_lag_seconds",
    GROUP,
    "Age of the oldest record that the group has not committed, the worst of its partitions. Absent where a partition's"
    " is not known (see kafka_group_topic_lag_method_partitions).",
    question="How old is what the application shows?",
    unit="seconds",
)
GROUP_TOPIC_COMMITTED = gauge(
    "kafka_group_topic_committed_offset",
    GROUP_TOPIC,
    "Sum of the group's committed offsets in the topic: its rate is the consume rate, in records a second.",
    question="How much is consumed?",
    unit="records",
)
GROUP_TOPIC_LAG = gauge(
    "kafka_group_topic_lag",
    GROUP_TOPIC,
    "Records in the topic that the group has not committed yet. Absent where a partition's is not known.",
    question="On which topic is it behind?",
    unit="records",
    cloudwatch=CloudWatch("SumOffsetLag", "DEFAULT", "Maximum"),
)
GROUP_TOPIC_MAX_LAG = gauge(
    "kafka_group_topic_max_lag",
    GROUP_TOPIC,
    "Records that the group has not committed yet in the partition where it is furthest behind.",
    question="Is one partition much worse than the others?",
    unit="records",
    cloudwatch=CloudWatch("MaxOffsetLag", "DEFAULT", "Maximum"),
)
GROUP_TOPIC_LAG_SECONDS = gauge(
    "kafka_group_topic_lag_seconds",
    GROUP_TOPIC,
    "Age of the oldest record in the topic that the group has not committed, from the history of end offsets, the worst"
    " of its partitions. 0 where nothing is left to read; absent where a partition's is not known.",
    question="How long ago was the next record written?",
    unit="seconds",
)
GROUP_TOPIC_LAG_METHOD = gauge(
    "kafka_group_topic_lag_method_partitions",
    (*GROUP_TOPIC, "method"),
    "Partitions by how their lag in seconds is known: `idle` (nothing left to read), `measured` (between two"
    " consecutive reads), `interpolated` (between reads further apart), `unknown` (older than what was seen).",
    question="How far can the lag in seconds be trusted?",
    unit="partitions",
    tier=Tier.GROUP_TOPIC,
)
GROUP_TOPIC_UNCOMMITTED = gauge(
    "kafka_group_topic_uncommitted_partitions",
    GROUP_TOPIC,
    "Partitions of the topic in which the group has no committed offset, though it has in others, or members on them.",
    question="Is there data that the group never began to read?",
    unit="partitions",
)
GROUP_TOPIC_UNASSIGNED = gauge(
    "kafka_group_topic_partitions_without_member",
    GROUP_TOPIC,
    "Partitions of a topic that the group's members ask for, held by none of them. Absent while the group rebalances.",
    question="Is there data that nobody in the group reads?",
    unit="partitions",
)
GROUP_TOPIC_EXPIRES = gauge(
    "kafka_group_topic_expires_seconds",
    GROUP_TOPIC,
    "Time until retention may delete the oldest record that the group has not committed, the least of its partitions;"
    " +Inf where nothing can expire. Absent where the lag in seconds or the retention is not known.",
    question="How long until unread data is lost?",
    unit="seconds",
)
GROUP_TOPIC_LOST = gauge(
    "kafka_group_topic_lost_records",
    GROUP_TOPIC,
    "Records between the group's committed offsets and the log start: deleted before the group committed them.",
    question="Was unread data lost?",
    unit="records",
)

# Partitions (opt-in) ---------------------------------------------------------------------------------------------

PARTITION_LEADER = gauge(
    "kafka_partition_leader", PARTITION, "Id of the leading broker, -1 without one.", question="Who leads it?"
)
PARTITION_IN_SYNC = gauge(
    "kafka_partition_in_sync_replicas", PARTITION, "Replicas in the ISR.", question="How many copies are current?"
)
PARTITION_END_OFFSET = gauge(
    "kafka_partition_end_offset",
    PARTITION,
    "End offset (high watermark).",
    question="Is this partition hotter than the others?",
    unit="records",
)
PARTITION_START_OFFSET = gauge(
    "kafka_partition_start_offset",
    PARTITION,
    "Log start offset.",
    question="How far back can it be read?",
    unit="records",
)
PARTITION_LOG_BYTES = gauge(
    "kafka_partition_log_bytes",
    PARTITION,
    "Size of the leader's log.",
    question="Which partition is large?",
    unit="bytes",
)
GROUP_PARTITION_COMMITTED = gauge(
    "kafka_group_partition_committed_offset",
    GROUP_PARTITION,
    "The group's committed offset.",
    question="Where does the group stand in this partition?",
    unit="records",
)
GROUP_PARTITION_LAG = gauge(
    "kafka_group_partition_lag",
    GROUP_PARTITION,
    "Records in the partition that the group has not committed yet.",
    question="Which partition is stuck?",
    unit="records",
    cloudwatch=CloudWatch("OffsetLag", "PER_TOPIC_PER_PARTITION", "Maximum"),
)
GROUP_PARTITION_LAG_SECONDS = gauge(
    "kafka_group_partition_lag_seconds",
    GROUP_PARTITION,
    "Age of the oldest record in the partition that the group has not committed.",
    question="Since when is it stuck?",
    unit="seconds",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
