"""What is in the logs: ListOffsets, OffsetForLeaderEpoch, DeleteRecords, DescribeProducers."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.partition import Partition, Replica


class Timestamp(IntEnum):
    """What ListOffsets takes instead of a time in milliseconds."""

    LATEST = -1
    EARLIEST = -2
    LARGEST = -3
    EARLIEST_LOCAL = -4
    LATEST_TIERED = -5
    EARLIEST_PENDING_UPLOAD = -6


_FIRST_VERSION: Final = {
    Timestamp.LARGEST: 7,
    Timestamp.EARLIEST_LOCAL: 8,
    Timestamp.LATEST_TIERED: 9,
    Timestamp.EARLIEST_PENDING_UPLOAD: 11,
}
"""Of ListOffsets, that knows a special time."""
_NEVER: Final = 2**15


def _led(context: Context, operation: AclOperation, topic: str, index: int, epoch: int = -1) -> Partition | Code:
    """Return a partition that this broker leads and the principal may use, or what is wrong."""
    partition = context.cluster.partition(topic, index)
    if not context.may_topic(operation, topic):
        return Code.TOPIC_AUTHORIZATION_FAILED
    if partition is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    replica = partition.led_by(context.broker.id)
    if replica is None:
        return Code.NOT_LEADER_OR_FOLLOWER
    known = partition.epoch_of(context.broker.id)
    if 0 <= epoch != known:
        return Code.FENCED_LEADER_EPOCH if epoch < known else Code.UNKNOWN_LEADER_EPOCH
    return partition if replica.volume.is_online else Code.KAFKA_STORAGE_ERROR


def list_offsets(context: Context) -> Reply:
    """Answer ListOffsets, API 2: versions 1 to 11.

    Special: timestamps -1 (the end, or with isolation 1 the last stable offset), -2 (the start), -3 (of the largest
    timestamp; 7, KIP-734), -4 (the local start; 8, KIP-405), -5 (the last tiered; 9, KIP-1005), -6 (the first not
    tiered yet; 11, KIP-1023).
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed); nothing is ever in tiers,
    so -5 and -6 find nothing.
    """

    def row(topic: str, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        found = _led(context, AclOperation.DESCRIBE, topic, asked.partition_index, asked.current_leader_epoch)
        if asked.timestamp < Timestamp.EARLIEST and context.version < _FIRST_VERSION.get(asked.timestamp, _NEVER):
            found = Code.UNSUPPORTED_VERSION
        if isinstance(found, Code):
            return {"partition_index": asked.partition_index, "error_code": found, "timestamp": -1, "offset": -1}
        offset, timestamp = _offset(context, found, asked.timestamp)
        log = found.replicas[context.broker.id].log
        epoch = log.epoch_at(offset) if offset < log.end else found.epoch_of(context.broker.id)
        return {
            "partition_index": asked.partition_index,
            "error_code": Code.NONE,
            "timestamp": timestamp,
            "offset": offset,
            "leader_epoch": epoch if offset >= 0 else -1,
        }

    return {
        "topics": [
            {"name": t.name, "partitions": [row(t.name, partition) for partition in t.partitions]}
            for t in context.body.topics
        ]
    }


def _offset(context: Context, partition: Partition, timestamp: int) -> tuple[int, int]:
    """Return (offset, timestamp) for a time in ms or one of the special values."""
    log = partition.replicas[context.broker.id].log
    end = partition.readable_end(context.broker.id, committed_only=context.body.isolation_level == 1)
    if timestamp == Timestamp.LATEST:
        return (end, -1)
    if timestamp in {Timestamp.EARLIEST, Timestamp.EARLIEST_LOCAL}:
        return (log.start, -1)
    if timestamp in {Timestamp.LATEST_TIERED, Timestamp.EARLIEST_PENDING_UPLOAD}:
        return (-1, -1)
    found = log.newest() if timestamp == Timestamp.LARGEST else log.at_time(timestamp)
    return found if found is not None and found[0] < end else (-1, -1)


def offset_for_leader_epoch(context: Context) -> Reply:
    """Answer OffsetForLeaderEpoch, API 23: versions 2 to 4.

    Special: current leader epoch -1 (not checked); epoch and offset -1 (the leader does not know that epoch).
    Left out: versions below 2, which brokers before 4.0 list (the connection is closed).
    """

    def row(topic: str, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        found = _led(context, AclOperation.DESCRIBE, topic, asked.partition, asked.current_leader_epoch)
        if isinstance(found, Code):
            return {"error_code": found, "partition": asked.partition, "leader_epoch": -1, "end_offset": -1}
        epoch, end = found.replicas[context.broker.id].log.end_of_epoch(asked.leader_epoch)
        if asked.leader_epoch > found.epoch_of(context.broker.id):
            epoch, end = -1, -1
        return {"error_code": Code.NONE, "partition": asked.partition, "leader_epoch": epoch, "end_offset": end}

    topics = context.body.topics
    return {
        "topics": [
            {"topic": t.topic, "partitions": [row(t.topic, partition) for partition in t.partitions]} for t in topics
        ]
    }


def delete_records(context: Context) -> Reply:
    """Answer DeleteRecords, API 21: versions 0 to 2.

    Special: offset -1 (the high watermark).
    Left out: nothing.
    """

    def row(topic: str, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        found = _led(context, AclOperation.DELETE, topic, asked.partition_index)
        if isinstance(found, Code):
            return {"partition_index": asked.partition_index, "low_watermark": -1, "error_code": found}
        replica = found.replicas[context.broker.id]
        offset = replica.high_watermark if asked.offset == -1 else asked.offset
        if 0 <= offset <= replica.log.start:
            return {
                "partition_index": asked.partition_index,
                "low_watermark": replica.log.start,
                "error_code": Code.NONE,
            }
        if not 0 <= offset <= replica.high_watermark:
            code = Code.OFFSET_OUT_OF_RANGE
            return {"partition_index": asked.partition_index, "low_watermark": -1, "error_code": code}
        try:
            start = context.cluster.delete_records(found, offset, context.now)
        except RequestRefused as refused:
            return {"partition_index": asked.partition_index, "low_watermark": -1, "error_code": refused.code}
        return {"partition_index": asked.partition_index, "low_watermark": start, "error_code": Code.NONE}

    topics = context.body.topics
    return {
        "topics": [
            {"name": t.name, "partitions": [row(t.name, partition) for partition in t.partitions]} for t in topics
        ]
    }


def describe_producers(context: Context) -> Reply:
    """Answer DescribeProducers, API 61: version 0.

    Special: sequence and transaction start -1 (none). Leaders answer, and followers.
    Left out: nothing.
    """

    def row(topic: str, index: int) -> dict[str, Any]:
        found = _held(context, topic, index)
        if isinstance(found, Code):
            return {"partition_index": index, "error_code": found, "active_producers": []}
        known = found.log.producers.by_id
        producers = [
            {
                "producer_id": number,
                "producer_epoch": one.epoch,
                "last_sequence": one.recent[-1][1] if one.recent else -1,
                "last_timestamp": one.timestamp,
                "coordinator_epoch": one.coordinator_epoch,
                "current_txn_start_offset": -1 if one.open_since is None else one.open_since,
            }
            for number, one in known.items()
        ]
        return {"partition_index": index, "error_code": Code.NONE, "active_producers": producers}

    topics = context.body.topics
    return {"topics": [{"name": t.name, "partitions": [row(t.name, i) for i in t.partition_indexes]} for t in topics]}


def _held(context: Context, topic: str, index: int) -> Replica | Code:
    """Return this broker's replica, or what is wrong."""
    if not context.may_topic(AclOperation.READ, topic):
        return Code.TOPIC_AUTHORIZATION_FAILED
    partition = context.cluster.partition(topic, index)
    if partition is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    return partition.replicas.get(context.broker.id, Code.NOT_LEADER_OR_FOLLOWER)


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    2: list_offsets,
    21: delete_records,
    23: offset_for_leader_epoch,
    61: describe_producers,
}
