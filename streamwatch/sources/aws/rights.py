"""The right that each call needs: what IAM policies are made of."""

from collections.abc import Mapping
from typing import Final

_PREFIXES: Final = {
    "kinesis": "kinesis",
    "kafka": "kafka",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "lambda": "lambda",
    "firehose": "firehose",
    "dms": "dms",
    "kinesisanalyticsv2": "kinesisanalytics",
    "pipes": "pipes",
    "kafkaconnect": "kafkaconnect",
    "redshift-data": "redshift-data",
    "resourcegroupstaggingapi": "tag",
}
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "ListTopics": ("kafka-cluster:Connect", "kafka-cluster:DescribeTopic"),
    "DescribeTopicPartitions": ("kafka-cluster:Connect", "kafka-cluster:DescribeTopic"),
    "ExecuteStatement": ("redshift-serverless:GetCredentials", "redshift:GetClusterCredentialsWithIAM"),
}
"""MSK's topic calls need the cluster's own rights besides; a statement of Redshift, a login of its database."""


def rights_of(service: str, operation: str) -> tuple[str, ...]:
    """Return the rights that a call needs, its own first; none for one that everybody may make.

    Args:
        service: as boto3 calls it.
        operation: as the API calls it.

    """
    if service == "sts":
        return ()
    return (f"{_PREFIXES[service]}:{operation}", *_MORE.get(operation, ()))
