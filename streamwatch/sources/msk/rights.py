"""The calls that the agent makes about a cluster of MSK's, and when: what its IAM policy is made of."""

from dataclasses import dataclass
from typing import Final

Call = tuple[str, str]
"""A service, as boto3 calls it, and an operation."""


@dataclass(frozen=True, slots=True)
class Use:
    """Calls that are made under one condition."""

    when: str
    calls: tuple[Call, ...]


ALWAYS: Final = Use("always", (("kafka", "DescribeClusterV2"), ("kafka", "ListClusterOperationsV2")))
BY_NAME: Final = Use("the cluster is given by name or `tags`, not by ARN", (("kafka", "ListClustersV2"),))
BOOTSTRAP: Final = Use("`bootstrap` is left out", (("kafka", "GetBootstrapBrokers"),))
CLOUDWATCH: Final = Use(
    "CloudWatch is asked (`cloudwatch.enabled`)", (("cloudwatch", "ListMetrics"), ("cloudwatch", "GetMetricData"))
)
TOPICS: Final = Use(
    "`msk.topics`", (("kafka", "ListNodes"), ("kafka", "ListTopics"), ("kafka", "DescribeTopicPartitions"))
)
UPGRADE: Final = Use(
    "the cluster is not Serverless, and boto3 is 1.44.7 or later; not needed",
    (("kafka", "ListTopicReassignments"), ("kafka", "ListAssessments"), ("kafka", "ListAssessmentFindings")),
)
"""What an upgrade from Standard to Express brokers is known by."""
USES: Final = (ALWAYS, BY_NAME, BOOTSTRAP, CLOUDWATCH, TOPICS, UPGRADE)
"""Every call; a test compares it with those that are made."""
