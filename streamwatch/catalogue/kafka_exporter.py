"""The names of kafka_exporter (danielqsj's, which Strimzi ships), on demand: what people already have reads them.

Its labels, and ``kafka_cluster`` besides. ``kafka_brokers`` and ``kafka_topic_partitions`` are called the same here.
"""

from typing import Final

from streamwatch.model.metric import Metric, Tier, Unit

CLUSTER: Final = ("kafka_cluster",)
PARTITION: Final = ("kafka_cluster", "topic", "partition")
GROUP: Final = ("kafka_cluster", "consumergroup")
GROUP_TOPIC: Final = (*GROUP, "topic")
GROUP_PARTITION: Final = (*GROUP_TOPIC, "partition")
_TIERS: Final = {
    CLUSTER: Tier.CLUSTER,
    PARTITION: Tier.PARTITION,
    GROUP: Tier.GROUP,
    GROUP_TOPIC: Tier.GROUP_TOPIC,
    GROUP_PARTITION: Tier.PARTITION,
}


def _gauge(name: str, labels: tuple[str, ...], help_text: str, unit: Unit = "") -> Metric:
    return Metric(
        name=name, kind="gauge", unit=unit, labels=labels, tier=_TIERS[labels], help=help_text, question="As before?"
    )


BUILD_INFO: Final = _gauge(
    "kafka_exporter_build_info",
    CLUSTER,
    "Always 1: by it dashboards list what can be chosen.",
)
CURRENT_OFFSET: Final = _gauge("kafka_topic_partition_current_offset", PARTITION, "End offset.", "records")
OLDEST_OFFSET: Final = _gauge("kafka_topic_partition_oldest_offset", PARTITION, "Start offset.", "records")
IN_SYNC: Final = _gauge("kafka_topic_partition_in_sync_replica", PARTITION, "Replicas in sync.")
LEADER: Final = _gauge("kafka_topic_partition_leader", PARTITION, "Id of the leading broker; absent where none leads.")
IS_PREFERRED: Final = _gauge(
    "kafka_topic_partition_leader_is_preferred", PARTITION, "Whether the leader is the first of the replicas."
)
REPLICAS: Final = _gauge("kafka_topic_partition_replicas", PARTITION, "Replicas.")
UNDER_REPLICATED: Final = _gauge(
    "kafka_topic_partition_under_replicated_partition", PARTITION, "Whether a replica is not in sync."
)
COMMITTED: Final = _gauge("kafka_consumergroup_current_offset", GROUP_PARTITION, "Committed offset.", "records")
LAG: Final = _gauge("kafka_consumergroup_lag", GROUP_PARTITION, "Records not read yet.", "records")
COMMITTED_SUM: Final = _gauge(
    "kafka_consumergroup_current_offset_sum", GROUP_TOPIC, "Sum of the committed offsets.", "records"
)
LAG_SUM: Final = _gauge(
    "kafka_consumergroup_lag_sum", GROUP_TOPIC, "Records not read yet, in all partitions.", "records"
)
MEMBERS: Final = _gauge("kafka_consumergroup_members", GROUP, "Members of the group.", "members")

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""Not among ``streamwatch.catalogue.METRICS``: they say again, under other names, what those say."""
