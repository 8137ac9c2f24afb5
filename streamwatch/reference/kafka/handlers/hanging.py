"""What tools ask of transactions (KIP-664): which there are, what each is, and the marker that ends one that hangs."""

import re
from collections.abc import Callable
from typing import Any, Final, get_args

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.batch import marker
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply, gathered
from streamwatch.reference.kafka.partition import TRANSACTIONS
from streamwatch.reference.kafka.transactions import State, TransactionState, write_marker
from streamwatch.reference.kafka.wire import Answer
from streamwatch.reference.timers import Later

_STATES: Final = frozenset(get_args(State)) | {"Dead", "PrepareEpochFence"}
_NOWHERE: Final = {"transaction_state": "", "topics": []}


def describe_transactions(context: Context) -> Reply:
    """Answer DescribeTransactions, API 65: version 0.

    Special: start time -1 (no transaction is open).
    Left out: nothing.
    """
    return {"transaction_states": [_described(context, name) for name in context.body.transactional_ids]}


def _described(context: Context, name: str) -> dict[str, Any]:
    if not context.may(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, name):
        code = Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        return {"error_code": code, "transactional_id": name, **_NOWHERE}
    one = context.site.transactions.by_name.get(name)
    # Only who looks for a coordinator has the topic made: describing changes nothing.
    is_there = TRANSACTIONS in context.site.cluster.topics
    if not is_there or context.site.coordinator(name, context.now, is_transaction=True) != context.broker.id:
        return {"error_code": Code.NOT_COORDINATOR, "transactional_id": name, **_NOWHERE}
    if one is None:
        return {"error_code": Code.TRANSACTIONAL_ID_NOT_FOUND, "transactional_id": name, **_NOWHERE}
    topics: dict[str, list[int]] = {}
    for topic, index in sorted(one.partitions):
        topics.setdefault(topic, []).append(index)
    return {
        "error_code": Code.NONE,
        "transactional_id": name,
        "transaction_state": one.state,
        "transaction_timeout_ms": int(one.timeout_seconds * 1000),
        "transaction_start_time_ms": int(one.started * 1000) if one.started >= 0 else -1,
        "producer_id": one.producer_id,
        "producer_epoch": one.epoch,
        "topics": [{"topic": topic, "partitions": indexes} for topic, indexes in topics.items()],
    }


def list_transactions(context: Context) -> Reply:
    """Answer ListTransactions, API 66: versions 0 to 2.

    Special: no filter, and an empty one (all); duration -1 (any; 1, KIP-994), an empty pattern (any; 2, KIP-1152).
    Only what this broker coordinates.
    Left out: nothing.
    """
    body = context.body
    states = set(body.state_filters or ())
    unknown = [state_filter for state_filter in body.state_filters or () if state_filter not in _STATES]
    try:
        pattern = re.compile(body.transactional_id_pattern) if body.transactional_id_pattern else None
    except re.error:
        code = Code.INVALID_REGULAR_EXPRESSION
        return {"error_code": code, "unknown_state_filters": [], "transaction_states": []}
    producers, longest = set(body.producer_id_filters or ()), body.duration_filter

    def fits(one: TransactionState) -> bool:
        is_long = longest is None or longest < 0 or context.now - max(one.started, 0) > longest / 1000
        is_named = pattern is None or pattern.fullmatch(one.name) is not None
        return (
            (not states or one.state in states)
            and (not producers or one.producer_id in producers)
            and (is_long and is_named)
        )

    rows = [
        {"transactional_id": one.name, "producer_id": one.producer_id, "transaction_state": one.state}
        for one in context.site.transactions.by_name.values()
        if fits(one)
        and context.site.coordinator(one.name, context.now, is_transaction=True) == context.broker.id
        and context.may(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, one.name)
    ]
    return {"error_code": Code.NONE, "unknown_state_filters": unknown, "transaction_states": rows}


def write_txn_markers(context: Context) -> Reply:
    """Answer WriteTxnMarkers, API 27: versions 1 to 2.

    Special: coordinator epoch -1 (kafka-transactions.sh abort, KIP-664); coordinators send their own.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed); the transaction version
    (2, KIP-1228) is not heeded.
    """
    if not context.may_cluster(AclOperation.CLUSTER_ACTION) and not context.may_cluster(AclOperation.ALTER):
        return _markers(context, lambda *_: Later.now(Code.CLUSTER_AUTHORIZATION_FAILED))
    return _markers(context, lambda asked, topic, index: _written(context, asked, topic, index))


def _markers(context: Context, write: Callable[[Any, str, int], Later[Code]]) -> Reply:
    keys = [
        (asked, topic.name, index)
        for asked in context.body.markers
        for topic in asked.topics
        for index in topic.partition_indexes
    ]

    def whole(codes: list[Code]) -> Answer:
        rows: dict[int, dict[str, list[dict[str, Any]]]] = {}
        for (asked, topic, index), code in zip(keys, codes, strict=True):
            row = {"partition_index": index, "error_code": code}
            rows.setdefault(asked.producer_id, {}).setdefault(topic, []).append(row)
        return {
            "markers": [
                {
                    "producer_id": producer,
                    "topics": [{"name": name, "partitions": partitions} for name, partitions in topics.items()],
                }
                for producer, topics in rows.items()
            ]
        }

    return gathered([write(*key) for key in keys], whole)


def _written(context: Context, asked: Any, topic: str, index: int) -> Later[Code]:  # noqa: ANN401 - a message
    partition = context.cluster.partition(topic, index)
    if partition is None:
        return Later.now(Code.UNKNOWN_TOPIC_OR_PARTITION)
    replica = partition.led_by(context.broker.id)
    if replica is None:
        return Later.now(Code.NOT_LEADER_OR_FOLLOWER)
    known = replica.log.producers.by_id.get(asked.producer_id)
    if known is not None and asked.producer_epoch < known.epoch:
        return Later.now(Code.INVALID_PRODUCER_EPOCH)
    end = marker(
        asked.producer_id,
        asked.producer_epoch,
        commit=bool(asked.transaction_result),
        coordinator_epoch=asked.coordinator_epoch,
        at_ms=int(context.now * 1000),
    )
    return write_marker(context.cluster, partition, context.broker.id, end, context.now)


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    27: write_txn_markers,
    65: describe_transactions,
    66: list_transactions,
}
