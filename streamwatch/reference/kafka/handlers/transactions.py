"""Producers and transactions: InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply, gathered
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.transactions import TransactionState

_FIRST_ADDING_MANY: Final = 4
"""The version of AddPartitionsToTxn that brokers use among each other."""


def init_producer_id(context: Context) -> Reply:
    """Answer InitProducerId, API 22: versions 0 to 5.

    Special: transactional id null (idempotence only); producer id and epoch -1 (new ones), others (3, KIP-360: the
    epoch rises).
    Left out: two-phase commit (6, KIP-939).
    """
    body = context.body
    if body.transactional_id is None:
        if not _may_be_idempotent(context):
            return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "producer_id": -1, "producer_epoch": -1}
        is_bump = body.producer_id is not None and body.producer_id >= 0
        if is_bump and body.producer_epoch is not None and body.producer_epoch < 32766:  # noqa: PLR2004 - the last
            return {"error_code": Code.NONE, "producer_id": body.producer_id, "producer_epoch": body.producer_epoch + 1}
        number = context.site.transactions.new_producer()
        return {"error_code": Code.NONE, "producer_id": number, "producer_epoch": 0}
    wrong = _wrong_coordinator(context, body.transactional_id)
    if wrong:
        return {"error_code": wrong, "producer_id": -1, "producer_epoch": -1}
    known = (body.producer_id if body.producer_id is not None else -1, body.producer_epoch or 0)
    seconds = body.transaction_timeout_ms / 1000
    code, number, epoch = context.site.transactions.begin(body.transactional_id, seconds, known, context.now)
    return {"error_code": code, "producer_id": number, "producer_epoch": epoch}


def _may_be_idempotent(context: Context) -> bool:
    """Whether the principal may write to the cluster as such, or to any topic at all (KIP-679)."""
    return context.may_cluster(AclOperation.IDEMPOTENT_WRITE) or context.site.acls.authorized_by_resource_type(
        context.principal, context.host, AclOperation.WRITE, ResourceType.TOPIC
    )


def _wrong_coordinator(context: Context, name: str) -> Code:
    if not context.may(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, name):
        return Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    broker = context.site.coordinator(name, context.now, is_transaction=True)
    if broker is None:
        return Code.COORDINATOR_NOT_AVAILABLE
    return Code.NONE if broker == context.broker.id else Code.NOT_COORDINATOR


def _found(context: Context, name: str, producer_id: int, epoch: int) -> TransactionState | Code:
    wrong = _wrong_coordinator(context, name)
    return wrong or context.site.transactions.find(name, producer_id, epoch)


def add_partitions_to_txn(context: Context) -> Reply:
    """Answer AddPartitionsToTxn, API 24: versions 0 to 5.

    Special: from 4 on, among brokers, several transactions, added or only verified (KIP-890); all partitions or
    none are added.
    Left out: nothing.
    """
    body = context.body
    if context.version >= _FIRST_ADDING_MANY:
        rows = [_added_row(context, transaction) for transaction in body.transactions]
        return {"error_code": Code.NONE, "results_by_transaction": rows}
    who = (body.v3_and_below_transactional_id, body.v3_and_below_producer_id, body.v3_and_below_producer_epoch)
    return {"results_by_topic_v3_and_below": _added(context, who, body.v3_and_below_topics)}


def _added_row(context: Context, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    who = (asked.transactional_id, asked.producer_id, asked.producer_epoch)
    rows = _added(context, who, asked.topics, verify_only=bool(asked.verify_only))
    return {"transactional_id": asked.transactional_id, "topic_results": rows}


def _added(
    context: Context,
    who: tuple[str, int, int],
    topics: Any,  # noqa: ANN401 - messages
    *,
    verify_only: bool = False,
) -> list[dict[str, Any]]:
    """Add partitions to a transaction, all or none; return the results by topic."""
    keys = {(topic.name, index) for topic in topics for index in topic.partitions}
    one = _found(context, *who)
    codes = {key: _addable(context, *key) for key in keys}
    if isinstance(one, Code):
        codes = dict.fromkeys(keys, one)
    elif any(codes.values()):
        codes = {key: code or Code.OPERATION_NOT_ATTEMPTED for key, code in codes.items()}
    elif verify_only:
        codes = {key: Code.NONE if key in one.partitions else Code.TRANSACTION_ABORTABLE for key in keys}
    else:
        codes = dict.fromkeys(keys, context.site.transactions.add(one, keys, set(), context.now))
    return [
        {
            "name": topic.name,
            "results_by_partition": [
                {"partition_index": index, "partition_error_code": codes[topic.name, index]}
                for index in topic.partitions
            ],
        }
        for topic in topics
    ]


def _addable(context: Context, topic: str, index: int) -> Code:
    if not context.may_topic(AclOperation.WRITE, topic):
        return Code.TOPIC_AUTHORIZATION_FAILED
    return Code.NONE if context.cluster.partition(topic, index) else Code.UNKNOWN_TOPIC_OR_PARTITION


def add_offsets_to_txn(context: Context) -> Reply:
    """Answer AddOffsetsToTxn, API 25: versions 0 to 4.

    Special: none.
    Left out: nothing.
    """
    body = context.body
    one = _found(context, body.transactional_id, body.producer_id, body.producer_epoch)
    if isinstance(one, Code):
        return {"error_code": one}
    if not context.may(AclOperation.READ, ResourceType.GROUP, body.group_id):
        return {"error_code": Code.GROUP_AUTHORIZATION_FAILED}
    return {"error_code": context.site.transactions.add(one, set(), {body.group_id}, context.now)}


def end_txn(context: Context) -> Reply:
    """Answer EndTxn, API 26: versions 0 to 5.

    Special: committed true or false (abort).
    Left out: the epoch that rises with every transaction (5, KIP-890, transaction.version 2).
    """
    body = context.body
    one = _found(context, body.transactional_id, body.producer_id, body.producer_epoch)
    if isinstance(one, Code):
        return {"error_code": one}
    ended = context.site.transactions.end(one, context.now, commit=body.committed)
    return gathered([ended], lambda codes: {"error_code": codes[0]})


def txn_offset_commit(context: Context) -> Reply:
    """Answer TxnOffsetCommit, API 28: versions 0 to 5.

    Special: generation -1 without a member (producers before KIP-447). The offsets count when the transaction
    commits.
    Left out: nothing.
    """
    body = context.body
    generation = -1 if body.generation_id is None else body.generation_id
    code = Code.NONE
    if not context.may(AclOperation.READ, ResourceType.GROUP, body.group_id):
        code = Code.GROUP_AUTHORIZATION_FAILED
    elif context.site.coordinator(body.group_id, context.now) != context.broker.id:
        code = Code.NOT_COORDINATOR
    else:
        who = Who(body.member_id or "", body.group_instance_id, generation)
        code = context.site.groups.may_commit(body.group_id, who, in_transaction=True)
    if not code:
        offsets = committed(body.topics, context.now)
        context.site.groups.pend(body.group_id, body.producer_id, offsets, context.now)
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {"partition_index": partition.partition_index, "error_code": code} for partition in topic.partitions
                ],
            }
            for topic in body.topics
        ]
    }


def uncommittable(context: Context, topic: Topic | Code, index: int) -> Code:
    """Return why nothing can be committed of a partition; NONE where it can."""
    if not isinstance(topic, Topic):
        return topic
    if not context.may_topic(AclOperation.READ, topic.name):
        return Code.TOPIC_AUTHORIZATION_FAILED
    return Code.NONE if index < len(topic.partitions) else Code.UNKNOWN_TOPIC_OR_PARTITION


def committed(topics: Any, now: float) -> dict[tuple[str, int], Committed]:  # noqa: ANN401 - a message
    """Return the offsets of a commit."""
    return {
        (topic.name, partition.partition_index): Committed(
            partition.committed_offset,
            -1 if partition.committed_leader_epoch is None else partition.committed_leader_epoch,
            partition.committed_metadata or "",
            now,
        )
        for topic in topics
        for partition in topic.partitions
    }


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    22: init_producer_id,
    24: add_partitions_to_txn,
    25: add_offsets_to_txn,
    26: end_txn,
    28: txn_offset_commit,
}
