"""What kinds of cluster MSK has, how closely it watches them, and which metrics they lack, by AWS's names."""

from typing import Final, Literal

Kind = Literal["standard", "express", "serverless"]

LEVELS: Final = ("DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION")
"""Of enhanced monitoring: each has what those before it have."""
SERVERLESS: Final = "serverless"
"""What stands for the instance type of a cluster without instances."""
NOT_ON_EXPRESS: Final = frozenset(
    {
        "CpuIoWait",
        "KafkaAppLogsDiskUsed",
        "KafkaDataLogsDiskUsed",
        "OfflinePartitionsCount",
        "RootDiskUsed",
        "UnderMinIsrPartitionCount",
        "UnderReplicatedPartitions",
    }
)
"""Metrics that only clusters of Standard brokers have, of those that are measured here."""


def kind_of(instance_type: str) -> Kind:
    """Return what a cluster of these instances is: AWS tells Express brokers by their type's prefix.

    Raises:
        ValueError: there are no such instances.

    """
    if instance_type == SERVERLESS:
        return "serverless"
    if instance_type.startswith("express."):
        return "express"
    if instance_type.startswith("kafka."):
        return "standard"
    known = "kafka.m7g.large and the like, express.m7g.large and the like, or serverless"
    raise ValueError(f"MSK type: {instance_type!r} is none: {known}")
