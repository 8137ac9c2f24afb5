"""Shards: listed, split, merged, counted anew."""

from typing import Any, Final

from streamwatch.reference.kinesis import page_tokens
from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import ServiceError, invalid, no_shard, not_found, too_many
from streamwatch.reference.kinesis.shard import Shard
from streamwatch.reference.kinesis.stream import Stream

_LISTED: Final = 1000
_DAY_SECONDS: Final = 86_400
_MOST_RESIZES: Final = 10
_MOST_SHARDS: Final = 10_000


def describe_shard(shard: Shard) -> dict[str, Any]:
    """Return a shard as AWS describes it."""
    numbers = {"StartingSequenceNumber": str(shard.starting)}
    if shard.ending is not None:
        numbers["EndingSequenceNumber"] = str(shard.ending)
    answer: dict[str, Any] = {
        "ShardId": shard.id,
        "HashKeyRange": {"StartingHashKey": str(shard.first), "EndingHashKey": str(shard.last)},
        "SequenceNumberRange": numbers,
    }
    return answer | dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))


def find(kinesis: Kinesis, stream: Stream, name: str) -> Shard:
    """Return a shard by its id, or by the index at its end as AWS allows it.

    Raises:
        Refused: there is none.

    """
    _, _, digits = name.rpartition("-")
    found = stream.shards.get(f"shardId-{int(digits):012d}") if digits.isascii() and digits.isdigit() else None
    if found is None:
        raise no_shard(name, stream.name, kinesis.account)
    return found


def listed(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """ListShards."""
    after = parameters.get("ExclusiveStartShardId", "")
    wanted = parameters.get("ShardFilter", {})
    most = parameters.get("MaxResults", _LISTED)
    _want_whole(wanted)
    if "NextToken" in parameters:
        if {"StreamName", "StreamARN", "ExclusiveStartShardId", "StreamCreationTimestamp"} & set(parameters):
            raise invalid("NextToken and StreamName cannot be provided together.")
        name, made, after, wanted = page_tokens.read(parameters["NextToken"], 4, now)
        parameters = {"StreamName": name, "StreamCreationTimestamp": made}
    stream = kinesis.find(parameters, now)
    made = parameters.get("StreamCreationTimestamp", stream.made)
    if abs(made - stream.made) >= 1:
        raise not_found(stream.name, kinesis.account)
    if not stream.listings.admit(now):
        raise too_many(f"Rate exceeded for stream {stream.name} under account {kinesis.account}.")
    shards = [shard for shard in stream.shards.values() if shard.id > after and _passes(shard, wanted, stream, now)]
    answer: Answer = {"Shards": [describe_shard(shard) for shard in shards[:most]]}
    if len(shards) > most:
        answer["NextToken"] = page_tokens.write([stream.name, stream.made, shards[most - 1].id, dict(wanted)], now)
    return answer


def _want_whole(wanted: Parameters) -> None:
    """Refuse a ShardFilter that lacks what its type is about."""
    needed = {"AFTER_SHARD_ID": "ShardId", "AT_TIMESTAMP": "Timestamp", "FROM_TIMESTAMP": "Timestamp"}
    member = needed.get(wanted.get("Type", ""))
    if member is not None and member not in wanted:
        raise invalid(f"{member} must be specified in a ShardFilter of type {wanted['Type']}.")


def _passes(shard: Shard, wanted: Parameters, stream: Stream, now: float) -> bool:
    """Say whether a ShardFilter lets a shard pass."""
    kind = wanted.get("Type", "FROM_TRIM_HORIZON")
    horizon = max(now - stream.retention_seconds, min(shard.made for shard in stream.shards.values()))
    closed = float("inf") if shard.closed is None else shard.closed
    at = max(horizon, float(wanted.get("Timestamp", horizon)))
    if kind == "AFTER_SHARD_ID":
        return shard.id > str(wanted.get("ShardId", ""))
    if kind == "AT_LATEST":
        return shard.is_open
    if kind in {"AT_TRIM_HORIZON", "AT_TIMESTAMP"}:
        return shard.made <= at < closed
    if kind == "FROM_TIMESTAMP":
        return closed >= at
    return True


def split(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """SplitShard."""
    stream = kinesis.find(parameters, now)
    kinesis.want_active(stream)
    _want_provisioned(stream)
    shard = find(kinesis, stream, parameters["ShardToSplit"])
    _want_open(kinesis, stream, shard)
    at = int(parameters["NewStartingHashKey"])
    if not shard.first + 1 < at < shard.last:
        raise invalid(
            f"NewStartingHashKey {at} used in SplitShard() on shard {shard.id} in stream {stream.name} under account"
            f" {kinesis.account} is not both greater than one plus the shard's StartingHashKey {shard.first} and less"
            f" than the shard's EndingHashKey {shard.last}."
        )
    kinesis.want_room(1)
    kinesis.change(stream, lambda then: stream.split(shard, at, then), now)
    return {}


def merge(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """MergeShards."""
    stream = kinesis.find(parameters, now)
    kinesis.want_active(stream)
    _want_provisioned(stream)
    one, other = (find(kinesis, stream, parameters[name]) for name in ("ShardToMerge", "AdjacentShardToMerge"))
    _want_open(kinesis, stream, one)
    _want_open(kinesis, stream, other)
    if one.last + 1 != other.first:  # the lower one is named first
        raise invalid(
            f"Shards {one.id} and {other.id} in stream {stream.name} under account {kinesis.account} are not an"
            " adjacent pair of shards eligible for merging"
        )
    kinesis.change(stream, lambda then: stream.merge(one, other, then), now)
    return {}


def resize(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateShardCount."""
    stream = kinesis.find(parameters, now)
    kinesis.want_active(stream)
    _want_provisioned(stream)
    count, target = len(stream.open_shards), parameters["TargetShardCount"]
    if not (count + 1) // 2 <= target <= 2 * count or target > _MOST_SHARDS:
        why = f"TargetShardCount {target} must be between half and double of the current {count}, and at most 10000."
        raise too_many(why) if target > _MOST_SHARDS else invalid(why)
    stream.resized[:] = [at for at in stream.resized if now - at < _DAY_SECONDS]
    if len(stream.resized) >= _MOST_RESIZES:
        raise too_many(f"Stream {stream.name} was scaled {_MOST_RESIZES} times within 24 hours.")
    kinesis.want_room(max(0, target - count))
    kinesis.change(stream, lambda then: stream.resize(target, then), now)
    stream.resized.append(now)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": count,
        "TargetShardCount": target,
    }


def _want_open(kinesis: Kinesis, stream: Stream, shard: Shard) -> None:
    if not shard.is_open:
        why = (
            f"Shard {shard.id} in stream {stream.name} under account {kinesis.account} has already been merged or split"
        )
        raise invalid(f"{why}, and thus is not eligible for merging or splitting.")


def _want_provisioned(stream: Stream) -> None:
    if stream.mode != "PROVISIONED":
        raise ServiceError(
            "ValidationException", f"Stream {stream.name} is in ON_DEMAND mode: its shards scale by themselves."
        )


OPERATIONS: Final = {
    "ListShards": listed,
    "SplitShard": split,
    "MergeShards": merge,
    "UpdateShardCount": resize,
}
