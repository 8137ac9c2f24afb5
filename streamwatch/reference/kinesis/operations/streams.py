"""Streams: made, deleted, listed, described."""

from typing import Any, Final

from streamwatch.reference.kinesis import page_tokens
from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import in_use, invalid, too_many
from streamwatch.reference.kinesis.operations.capacity import described, shards_for, want_distribution, want_warm
from streamwatch.reference.kinesis.operations.settings import want_few_tags, want_tags
from streamwatch.reference.kinesis.operations.shards import describe_shard
from streamwatch.reference.kinesis.stream import Stream

_LISTED: Final = 100
_MOST_CREATING: Final = 5


def create(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """CreateStream."""
    name = parameters["StreamName"]
    if name in kinesis.streams:
        raise in_use(f"Stream {name} under account {kinesis.account} already exists.")
    tags = parameters.get("Tags", {})
    want_tags(kinesis, name, [*tags, *tags.values()])
    want_few_tags(kinesis, name, tags)
    if sum(stream.status == "CREATING" for stream in kinesis.streams.values()) >= _MOST_CREATING:
        raise too_many(f"Account {kinesis.account} has {_MOST_CREATING} streams in state CREATING, which is the limit.")
    mode = parameters.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
    warm = parameters.get("WarmThroughputMiBps")
    if warm is not None:
        want_warm(kinesis, mode, warm)
    want_distribution(mode, parameters.get("RecordDistributionStrategy", "USER_PARTITION_KEY"))
    if mode == "ON_DEMAND":
        count = sum(stream.mode == "ON_DEMAND" for stream in kinesis.streams.values())
        if count >= kinesis.quotas.on_demand_streams:
            raise too_many(f"Account {kinesis.account} has {count} on-demand streams, which is its limit.")
        if "ShardCount" in parameters:
            raise invalid("ShardCount cannot be set for a stream in ON_DEMAND mode.")
        shards = shards_for(warm)
    else:
        if "ShardCount" not in parameters:
            raise invalid("ShardCount is required for a stream in PROVISIONED mode.")
        shards = parameters["ShardCount"]
        kinesis.want_room(shards)
    stream = kinesis.create(name, mode, shards, now)
    stream.tags.update(tags)
    stream.most_record_kib = parameters.get("MaxRecordSizeInKiB", stream.most_record_kib)
    stream.distribution = parameters.get("RecordDistributionStrategy", stream.distribution)
    stream.warm_mibps = warm
    return {}


def delete(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DeleteStream."""
    stream = kinesis.find(parameters, now)
    if stream.consumers and not parameters.get("EnforceConsumerDeletion", False):
        why = f"Stream {stream.name} under account {kinesis.account} has existing consumers: EnforceConsumerDeletion."
        raise in_use(why)
    if stream.status != "DELETING":
        kinesis.remove(stream, now)
    return {}


def listed(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """ListStreams."""
    after = parameters.get("ExclusiveStartStreamName", "")
    if "NextToken" in parameters:
        (after,) = page_tokens.read(parameters["NextToken"], 1, now)
    names = sorted(name for name in kinesis.streams if name > after)
    most = parameters.get("Limit", _LISTED)
    page = names[:most]
    answer: Answer = {
        "StreamNames": page,
        "HasMoreStreams": len(names) > most,
        "StreamSummaries": [_summary(kinesis.streams[name]) for name in page],
    }
    if len(names) > most:
        answer["NextToken"] = page_tokens.write([page[-1]], now)
    return answer


def _summary(stream: Stream) -> dict[str, Any]:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status,
        "StreamModeDetails": {"StreamMode": stream.mode},
        "StreamCreationTimestamp": stream.made,
    }


def _described(stream: Stream) -> dict[str, Any]:
    fields = _summary(stream) | {
        "RetentionPeriodHours": stream.retention_hours,
        "EnhancedMonitoring": [{"ShardLevelMetrics": sorted(stream.watched)}],
        "EncryptionType": "NONE" if stream.key is None else "KMS",
    }
    if stream.key is not None:
        fields["KeyId"] = stream.key
    return fields


def describe(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DescribeStream."""
    stream = kinesis.find(parameters, now)
    after = parameters.get("ExclusiveStartShardId", "")
    ids = [shard for shard in stream.shards if shard > after]
    most = parameters.get("Limit", _LISTED)
    shards = [describe_shard(stream.shards[one]) for one in ids[:most]]
    return {"StreamDescription": _described(stream) | {"Shards": shards, "HasMoreShards": len(ids) > most}}


def summarise(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DescribeStreamSummary."""
    stream = kinesis.find(parameters, now)
    fields = _described(stream) | {
        "OpenShardCount": len(stream.open_shards),
        "ConsumerCount": len(stream.consumers),
        "MaxRecordSizeInKiB": stream.most_record_kib,
        "RecordDistributionStrategy": stream.distribution,
        "ChannelCount": 0,
        "QueueCount": 0,
    }
    fields |= described(kinesis, stream)
    return {"StreamDescriptionSummary": fields}


def limits(kinesis: Kinesis, _: Parameters, __: float) -> Answer:
    """DescribeLimits."""
    return {
        "ShardLimit": kinesis.quotas.shards,
        "OpenShardCount": kinesis.open_shards(),
        "OnDemandStreamCount": sum(stream.mode == "ON_DEMAND" for stream in kinesis.streams.values()),
        "OnDemandStreamCountLimit": kinesis.quotas.on_demand_streams,
    }


OPERATIONS: Final = {
    "CreateStream": create,
    "DeleteStream": delete,
    "ListStreams": listed,
    "DescribeStream": describe,
    "DescribeStreamSummary": summarise,
    "DescribeLimits": limits,
}
