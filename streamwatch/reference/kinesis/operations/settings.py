"""What a stream is set to: retention, mode, record size, encryption, enhanced monitoring, tags, policy."""

import json
import re
from collections.abc import Collection, Iterable
from typing import Final

from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import ServiceError, invalid, too_many
from streamwatch.reference.kinesis.operations.capacity import shards_for, want_distribution, want_warm
from streamwatch.reference.kinesis.stream import DAY_HOURS, SHARD_METRICS

_MOST_HOURS: Final = 8760
_MOST_TAGS: Final = 50
_NO_TAG: Final = re.compile(r"[^\u00C0-\u1FFF\u2C00-\uD7FFA-Za-z0-9_./\-=+ @%]")
"""What AWS lets into no tag."""
_DAY_SECONDS: Final = 86_400
_MOST_MODE_CHANGES: Final = 2


def keep_longer(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """IncreaseStreamRetentionPeriod.

    AWS documents that the new value must be more than the present one; it takes the present one too, and does nothing:
    Terraform depends on that, and kinesalite's tests, which were run on AWS, ask for it.
    """
    stream, hours = kinesis.find(parameters, now), parameters["RetentionPeriodHours"]
    _want_hours(hours)
    if hours < stream.retention_hours:
        raise invalid(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be shorter than existing"
            f" retention period ({stream.retention_hours} hours). Use DecreaseRetentionPeriod API."
        )
    return _keep(kinesis, parameters, now)


def keep_shorter(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DecreaseStreamRetentionPeriod."""
    stream, hours = kinesis.find(parameters, now), parameters["RetentionPeriodHours"]
    _want_hours(hours)
    if hours > stream.retention_hours:
        raise invalid(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be longer than existing"
            f" retention period ({stream.retention_hours} hours). Use IncreaseRetentionPeriod API."
        )
    return _keep(kinesis, parameters, now)


def _want_hours(hours: int) -> None:
    if hours < DAY_HOURS:
        raise invalid(
            f"Minimum allowed retention period is {DAY_HOURS} hours. Requested retention period ({hours} hours) is too"
            " short."
        )
    if hours > _MOST_HOURS:
        raise invalid(
            f"Maximum allowed retention period is {_MOST_HOURS} hours. Requested retention period ({hours} hours) is"
            " too long."
        )


def _keep(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    stream, hours = kinesis.find(parameters, now), parameters["RetentionPeriodHours"]
    if hours == stream.retention_hours:
        return {}

    def done(_: float) -> None:
        stream.retention_hours = hours

    kinesis.change(stream, done, now)
    return {}


def set_mode(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateStreamMode."""
    stream, mode = kinesis.find(parameters, now), parameters["StreamModeDetails"]["StreamMode"]
    stream.modes_changed[:] = [at for at in stream.modes_changed if now - at < _DAY_SECONDS]
    if len(stream.modes_changed) >= _MOST_MODE_CHANGES:
        raise too_many(f"Stream {stream.name} changed its mode {_MOST_MODE_CHANGES} times within 24 hours.")
    warm = parameters.get("WarmThroughputMiBps")
    if warm is not None:
        want_warm(kinesis, mode, warm)
    want_distribution(mode, stream.distribution)

    def done(then: float) -> None:
        stream.mode, stream.warm_mibps = mode, warm
        if warm is not None:
            stream.resize(max(shards_for(warm), len(stream.open_shards)), then)

    kinesis.change(stream, done, now)
    stream.modes_changed.append(now)
    return {}


def set_record_size(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateMaxRecordSize."""
    stream, size = kinesis.find(parameters, now), parameters["MaxRecordSizeInKiB"]

    def done(_: float) -> None:
        stream.most_record_kib = size

    kinesis.change(stream, done, now)
    return {}


def encrypt(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """StartStreamEncryption."""
    stream, key = kinesis.find(parameters, now), parameters["KeyId"]

    def done(_: float) -> None:
        stream.key = key

    kinesis.change(stream, done, now)
    return {}


def decrypt(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """StopStreamEncryption."""
    stream = kinesis.find(parameters, now)

    def done(_: float) -> None:
        stream.key = None

    kinesis.change(stream, done, now)
    return {}


def watch(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """EnableEnhancedMonitoring."""
    return _watch(kinesis, parameters, now, on=True)


def unwatch(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DisableEnhancedMonitoring."""
    return _watch(kinesis, parameters, now, on=False)


def _watch(kinesis: Kinesis, parameters: Parameters, now: float, *, on: bool) -> Answer:
    stream = kinesis.find(parameters, now)
    named = (
        frozenset(SHARD_METRICS)
        if "ALL" in parameters["ShardLevelMetrics"]
        else frozenset(parameters["ShardLevelMetrics"])
    )
    before = stream.watched
    after = before | named if on else before - named

    def done(_: float) -> None:
        stream.watched = after

    kinesis.change(stream, done, now)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardLevelMetrics": sorted(before),
        "DesiredShardLevelMetrics": sorted(after),
    }


def want_tags(kinesis: Kinesis, stream: str, texts: Iterable[str], doing: str = "add tags to") -> None:
    """Refuse keys and values with characters that AWS does not take: it documents % as valid, and refuses it too."""
    texts = list(texts)
    if any(_NO_TAG.search(text) for text in texts):
        raise invalid(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + -"
            " % @."
        )
    if any("%" in text for text in texts):
        raise invalid(
            f"Failed to {doing} stream {stream} under account {kinesis.account} because some tags contained illegal"
            " characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'."
        )


def want_few_tags(kinesis: Kinesis, stream: str, tags: Collection[str]) -> None:
    """Refuse more tags than a stream may have."""
    if len(tags) > _MOST_TAGS:
        raise invalid(
            f"Failed to add tags to stream {stream} under account {kinesis.account} because a given stream cannot"
            f" have more than {_MOST_TAGS} tags associated with it."
        )


def tag(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """AddTagsToStream and TagResource."""
    stream = kinesis.find(parameters, now)
    want_tags(kinesis, stream.name, [*parameters["Tags"], *parameters["Tags"].values()])
    want_few_tags(kinesis, stream.name, stream.tags | parameters["Tags"])
    stream.tags.update(parameters["Tags"])
    return {}


def untag(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """RemoveTagsFromStream and UntagResource."""
    stream = kinesis.find(parameters, now)
    want_tags(kinesis, stream.name, parameters["TagKeys"], "remove tags from")
    for name in parameters["TagKeys"]:
        stream.tags.pop(name, None)
    return {}


def tags(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """ListTagsForStream."""
    stream, most = kinesis.find(parameters, now), parameters.get("Limit", _MOST_TAGS)
    names = sorted(name for name in stream.tags if name > parameters.get("ExclusiveStartTagKey", ""))
    listed = [{"Key": name, "Value": stream.tags[name]} for name in names[:most]]
    return {"Tags": listed, "HasMoreTags": len(names) > most}


def resource_tags(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """ListTagsForResource."""
    stream = kinesis.find(parameters, now)
    return {"Tags": [{"Key": name, "Value": value} for name, value in sorted(stream.tags.items())]}


def put_policy(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """PutResourcePolicy; it is kept, and nobody is judged by it."""
    stream = kinesis.find(parameters, now)
    try:
        is_policy = isinstance(json.loads(parameters["Policy"]), dict)
    except ValueError:
        is_policy = False
    if not is_policy:
        raise invalid("The policy is not a valid JSON document.")
    stream.policy = parameters["Policy"]
    return {}


def get_policy(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """GetResourcePolicy."""
    policy = kinesis.find(parameters, now).policy
    if policy is None:
        raise ServiceError("ResourceNotFoundException", f"Policy for {parameters['ResourceARN']} does not exist.")
    return {"Policy": policy}


def delete_policy(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DeleteResourcePolicy."""
    kinesis.find(parameters, now).policy = None
    return {}


OPERATIONS: Final = {
    "IncreaseStreamRetentionPeriod": keep_longer,
    "DecreaseStreamRetentionPeriod": keep_shorter,
    "UpdateStreamMode": set_mode,
    "UpdateMaxRecordSize": set_record_size,
    "StartStreamEncryption": encrypt,
    "StopStreamEncryption": decrypt,
    "EnableEnhancedMonitoring": watch,
    "DisableEnhancedMonitoring": unwatch,
    "AddTagsToStream": tag,
    "TagResource": tag,
    "RemoveTagsFromStream": untag,
    "UntagResource": untag,
    "ListTagsForStream": tags,
    "ListTagsForResource": resource_tags,
    "PutResourcePolicy": put_policy,
    "GetResourcePolicy": get_policy,
    "DeleteResourcePolicy": delete_policy,
}
