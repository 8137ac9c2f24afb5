"""Consumer groups, and what is opt-in for each partition."""

from streamwatch.catalogue.kafka import GROUP, GROUP_PARTITION, GROUP_TOPIC, PARTITION, gauge
from streamwatch.model.metric import CloudWatchMetric, Metric, Tier

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
    "Records that the group has not committed yet and that are still there, all its topics together. Absent where a"
    " partition's is not known.",
    question="How far behind is the application?",
    unit="records",
)
GROUP_LAG_SECONDS = gauge(
    "kafka_group_lag_seconds",
    GROUP,
    "The group is at least so far behind: age of the oldest record that it has not committed and can read, the worst of"
    " the partitions where that is known (kafka_group_topic_lag_method_partitions tells which are).",
    question="How old is what the application shows?",
    unit="seconds",
)
GROUP_TOPIC_COMMITTED = gauge(
    "kafka_group_topic_committed_offset",
    GROUP_TOPIC,
    "Sum of the group's committed offsets in the topic, of a share group its start offsets: its rate is the consume"
    " rate, in records a second.",
    question="How much is consumed?",
    unit="records",
)
GROUP_TOPIC_LAG = gauge(
    "kafka_group_topic_lag",
    GROUP_TOPIC,
    "Records in the topic that the group has not committed yet and that are still there: from its committed offset, or"
    " the log start where that is beyond it, to the end offset. Absent where a partition's is not known.",
    question="On which topic is it behind?",
    unit="records",
    cloudwatch=CloudWatchMetric("SumOffsetLag", "DEFAULT", "Maximum"),
)
GROUP_TOPIC_MAX_LAG = gauge(
    "kafka_group_topic_max_lag",
    GROUP_TOPIC,
    "Records that the group has not committed yet, at least, in the partition where it is furthest behind: the most of"
    " those that are known.",
    question="Is one partition much worse than the others?",
    unit="records",
    cloudwatch=CloudWatchMetric("MaxOffsetLag", "DEFAULT", "Maximum"),
)
GROUP_TOPIC_LAG_SECONDS = gauge(
    "kafka_group_topic_lag_seconds",
    GROUP_TOPIC,
    "The group is at least so far behind: age of the oldest record in the topic that it has not committed and can read,"
    " from the history of end offsets or as the leader says, the worst of the partitions where it is known. 0 where"
    " nothing is left to read, records of open transactions apart.",
    question="How long ago was the next record written?",
    unit="seconds",
)
GROUP_TOPIC_LAG_METHOD = gauge(
    "kafka_group_topic_lag_method_partitions",
    (*GROUP_TOPIC, "method"),
    "Partitions by how their lag in seconds is known: `idle` (nothing left to read), `measured` (between two"
    " consecutive reads), `interpolated` (between reads further apart), `looked_up` (the record's own timestamp),"
    " `unknown` (older than what was seen, ahead of the end, or perhaps no record at all: see state `remainder`).",
    question="How far can the lag in seconds be trusted?",
    unit="partitions",
    tier=Tier.GROUP_TOPIC,
)
GROUP_TOPIC_UNCOMMITTED = gauge(
    "kafka_group_topic_uncommitted_partitions",
    GROUP_TOPIC,
    "Partitions of the topic that have records, and in which the group has no committed offset, though it has in"
    " others, or members on them.",
    question="Is there data that the group never began to read?",
    unit="partitions",
)
GROUP_TOPIC_UNCOMMITTED_RECORDS = gauge(
    "kafka_group_topic_uncommitted_records",
    GROUP_TOPIC,
    "Records that came to partitions of the topic while a member held them and nothing was ever committed there.",
    question="Does the group read and never commit?",
    unit="records",
)
GROUP_TOPIC_STATE = gauge(
    "kafka_group_topic_state_partitions",
    (*GROUP_TOPIC, "state"),
    "Partitions in which the group has a commit, or which its members hold, by how it does in them; absent where there"
    " are none: `reading`; `idle` (nothing left that it can read); `late` (it reads, and the lag only grows); `stalled`"
    " (its position stands while records come, though it is read); `stopped` (records wait, and nobody holds it);"
    " `remainder` (position and end stand with something between: transaction markers, or records that it does not"
    " read); `uncommitted` (a member holds it, records are there, nothing was ever committed); `ahead` (committed"
    " beyond the end); `unknown`.",
    question="In how many partitions does the group not do what it should?",
    unit="partitions",
    tier=Tier.GROUP_TOPIC,
)
GROUP_TOPIC_WANTED = gauge(
    "kafka_group_topic_wanted",
    GROUP_TOPIC,
    "1 where a member asks for the topic or a commit moves, now or within `groups_wanted_for`; else 0: nobody waits for"
    " what the group does there.",
    question="Does anybody run this group for this topic?",
)
GROUP_TOPIC_AHEAD = gauge(
    "kafka_group_topic_ahead_records",
    GROUP_TOPIC,
    "Records between the end offsets and committed offsets beyond them: so many will be skipped when they are written."
    " Absent where a partition's is not known.",
    question="Will the group skip what comes next?",
    unit="records",
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
    "Time at most until retention may delete the oldest record that the group has not committed, the least of the"
    " partitions where its age is known; +Inf where nothing can expire, as where records are compacted and not"
    " deleted. Absent where no partition's lag in seconds, or not the retention, is known.",
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

# Partitions of groups that somebody has to look at ---------------------------------------------------------------

GROUP_PARTITION_STUCK_OFFSET = gauge(
    "kafka_group_partition_stuck_offset",
    (*GROUP_PARTITION, "state"),
    "Where a group stands in a partition whose state is `stalled` (the next record that it would read), `ahead` (its"
    " committed offset) or `uncommitted` (the log start); of a cluster the 200 that wait longest.",
    question="Which partition is stuck, and at which record?",
    unit="records",
    tier=Tier.GROUP_TOPIC,
)
GROUP_PARTITION_STUCK_SINCE = gauge(
    "kafka_group_partition_stuck_since_timestamp_seconds",
    (*GROUP_PARTITION, "state"),
    "When that was first seen: records that came beyond a position that stands, a commit beyond the end, records"
    " without a commit.",
    question="Since when?",
    unit="seconds",
    tier=Tier.GROUP_TOPIC,
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
    "Records in the partition that the group has not committed yet and that are still there.",
    question="Which partition is stuck?",
    unit="records",
    cloudwatch=CloudWatchMetric("OffsetLag", "PER_TOPIC_PER_PARTITION", "Maximum"),
)
GROUP_PARTITION_LAG_SECONDS = gauge(
    "kafka_group_partition_lag_seconds",
    GROUP_PARTITION,
    "Age of the oldest record in the partition that the group has not committed and can read; absent where that is not"
    " known.",
    question="Since when is it stuck?",
    unit="seconds",
)

GROUP_PARTITION_STATE = gauge(
    "kafka_group_partition_state",
    (*GROUP_PARTITION, "state"),
    "Always 1; names how the group does in the partition (see kafka_group_topic_state_partitions).",
    question="Which partition does it not read?",
    tier=Tier.PARTITION,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
