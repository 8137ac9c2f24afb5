"""Produce: records go into the leader's log, and are acknowledged when they are as safe as the producer asked."""

import uuid
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.batch import BadBatch, RecordBatch, parse
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply, by_topic, gathered
from streamwatch.reference.kafka.partition import Partition, Topic
from streamwatch.reference.kafka.wire import Answer
from streamwatch.reference.timers import Later

Row = tuple[tuple[str, uuid.UUID], dict[str, Any]]


_WORDS: Final = {Code.INVALID_TXN_STATE: "Partition was not added to the transaction"}


def produce(context: Context) -> Reply:
    """Answer Produce, API 0: versions 3 to 13.

    Special: acks 0 (no answer), 1 (the leader has it), -1 (all of the ISR have it).
    Left out: versions below 3, which brokers before 4.0 list (the connection is closed); record formats before 2;
    the leaders' addresses in answers (10, KIP-951).
    """
    rows = [
        _append(context, topic, one.index, bytes(one.records or b""))
        for topic in context.body.topic_data
        for one in topic.partition_data
    ]
    if context.body.acks == 0:
        return None
    return gathered(rows, _answer)


def _answer(rows: list[Row]) -> Answer:
    return {
        "responses": [
            {"name": name, "topic_id": topic_id, "partition_responses": partitions}
            for (name, topic_id), partitions in by_topic(rows)
        ]
    }


def _append(context: Context, asked: Any, index: int, records: bytes) -> Later[Row]:  # noqa: ANN401 - a message
    """Append to one partition; the answer comes when the acknowledgement may be given."""
    key = (asked.name or "", asked.topic_id or NO_ID)
    found = _partition(context, key, index)
    if isinstance(found, Partition):
        measures = context.site.measures[context.broker.id]
        row = _write(context, found, records)
        if isinstance(row, Later):
            return _waited(context, found, key, row)
        if row["error_code"]:
            measures.failed_produce(found.topic.name, context.now)
        return Later.now((key, row))
    return Later.now((key, _failed(index, found)))


def _partition(context: Context, key: tuple[str, uuid.UUID], index: int) -> Partition | Code:
    topic = context.topic(*key)
    if not isinstance(topic, Topic):
        return topic
    if not context.may_topic(AclOperation.WRITE, topic.name) or not _may_transact(context):
        return Code.TOPIC_AUTHORIZATION_FAILED
    partition = context.cluster.partition(topic.name, index)
    return partition or Code.UNKNOWN_TOPIC_OR_PARTITION


def _may_transact(context: Context) -> bool:
    name = context.body.transactional_id
    return not name or context.may(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, name)


def _failed(index: int, code: Code) -> dict[str, Any]:
    return {"index": index, "error_code": code, "base_offset": -1, "log_append_time_ms": -1, "log_start_offset": -1}


def _write(context: Context, partition: Partition, records: bytes) -> dict[str, Any] | Later[dict[str, Any]]:
    """Append; return the row, or what it waits for."""
    cluster, body = context.cluster, context.body
    replica = partition.led_by(context.broker.id)
    refusal = _refusal(context, partition, len(records))
    if refusal or replica is None:
        return _failed(partition.index, refusal or Code.NOT_LEADER_OR_FOLLOWER)
    try:
        batches = parse(records)
    except BadBatch as bad:
        return _failed(partition.index, bad.code) | {"error_message": str(bad)}
    code, duplicate = _check(context, partition, batches)
    if code:
        return _failed(partition.index, code) | {"error_message": _WORDS.get(code)}
    if not cluster.has_room(context.broker.id, replica.volume, len(records), context.now):
        return _failed(partition.index, Code.KAFKA_STORAGE_ERROR)
    is_append_time = cluster.setting(partition.topic, "message.timestamp.type") == "LogAppendTime"
    append_time = int(context.now * 1000) if is_append_time else None
    if duplicate is None:
        base = partition.append(context.broker.id, batches, context.now, append_time)
        count = sum(batch.count for batch in batches)
        context.site.measures[context.broker.id].produced(partition.topic.name, len(records), count, context.now)
        cluster.replication.advance(partition, context.now)
        cluster.replication.changed(partition, context.now)
    else:
        base = duplicate
    row = {
        "index": partition.index,
        "error_code": Code.NONE,
        "base_offset": base,
        "log_append_time_ms": append_time or -1,
        "log_start_offset": replica.log.start,
    }
    if body.acks != -1:
        return row
    end = base + sum(batch.count for batch in batches)
    return _committed(context, partition, row, end)


def _committed(context: Context, partition: Partition, row: dict[str, Any], end: int) -> Later[dict[str, Any]]:
    """Return the row when everything before ``end`` is on the whole ISR, or when that took too long."""
    whole: Later[dict[str, Any]] = Later()
    is_leader = context.broker.id == partition.state.leader  # one that was deposed without knowing waits in vain
    waited: Later[Code] = partition.when_committed(end) if is_leader else Later()
    timer = context.cluster.timers.at(
        context.now + context.body.timeout_ms / 1000, lambda _: waited.settle(Code.REQUEST_TIMED_OUT)
    )

    def done(code: Code) -> None:
        timer.cancel()
        few = len(partition.state.isr) < context.cluster.min_isr(partition)
        final = Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND if code == Code.NONE and few else code
        whole.settle(row if final == Code.NONE else _failed(partition.index, final))

    waited.then(done)
    return whole


def _waited(
    context: Context, partition: Partition, key: tuple[str, uuid.UUID], row: Later[dict[str, Any]]
) -> Later[Row]:
    whole: Later[Row] = Later()

    def done(answer: dict[str, Any]) -> None:
        if answer["error_code"]:
            context.site.measures[context.broker.id].failed_produce(partition.topic.name, context.site.clock())
        whole.settle((key, answer))

    row.then(done)
    return whole


def _refusal(context: Context, partition: Partition, size: int) -> Code:
    """Return why nothing may be appended now; NONE where it may."""
    replica, body = partition.led_by(context.broker.id), context.body
    if replica is None:
        return Code.NOT_LEADER_OR_FOLLOWER
    if context.injected or not replica.volume.is_online:
        return context.injected or Code.KAFKA_STORAGE_ERROR
    if body.acks not in {-1, 0, 1}:
        return Code.INVALID_REQUIRED_ACKS
    if size > int(context.cluster.setting(partition.topic, "max.message.bytes")):
        return Code.MESSAGE_TOO_LARGE
    if body.acks == -1 and len(partition.state.isr) < context.cluster.min_isr(partition):
        return Code.NOT_ENOUGH_REPLICAS
    return Code.INVALID_TOPIC_EXCEPTION if partition.topic.is_internal else Code.NONE


def _check(context: Context, partition: Partition, batches: list[RecordBatch]) -> tuple[Code, int | None]:
    """Check the producer's sequence; return an offset with it where the batch stands there already."""
    if not batches:
        return (Code.INVALID_RECORD, None)
    replica = partition.replicas[context.broker.id]
    for batch in batches:
        if batch.is_control:
            return (Code.INVALID_RECORD, None)
        if not batch.has_producer:
            continue
        code, duplicate = replica.log.producers.check(batch)
        if code or duplicate is not None:
            return (code, duplicate)
        if batch.is_transactional and not context.site.transactions.holds(batch.producer_id, partition.key):
            return (Code.INVALID_TXN_STATE, None)
    return (Code.NONE, None)
