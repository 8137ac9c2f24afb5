"""Leaders elected and replicas moved, as administrators ask for it."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.handlers.context import NOT_CONTROLLER, Context, Reply, is_elsewhere, on_controller
from streamwatch.reference.kafka.partition import NO_LEADER, Partition
from streamwatch.reference.kafka.wire import Answer


class ElectionType(IntEnum):
    """Who may be elected (KIP-460)."""

    PREFERRED = 0
    UNCLEAN = 1


_WORDS: Final = {
    Code.ELECTION_NOT_NEEDED: "Leader election not needed for topic partition.",
    Code.PREFERRED_LEADER_NOT_AVAILABLE: "The preferred leader was not available.",
    Code.ELIGIBLE_LEADERS_NOT_AVAILABLE: "Eligible topic partition leaders are not available.",
}


def elect_leaders(context: Context) -> Reply:
    """Answer ElectLeaders, API 43: versions 0 to 2.

    Special: type 0 (preferred), 1 (unclean; from 1 on, KIP-460); partitions null (all; those that need none are not
    in the answer).
    Left out: nothing.
    """
    if not context.may_cluster(AclOperation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "replica_election_results": []}
    return on_controller(context, lambda now: _elect(context, now))


def _elect(context: Context, now: float) -> Answer:
    kind = context.body.election_type or ElectionType.PREFERRED
    asked = context.body.topic_partitions
    if asked is None and is_elsewhere(context):
        return {"error_code": Code.NONE, "replica_election_results": []}
    if asked is None:
        return {"error_code": Code.NONE, "replica_election_results": _elected_everywhere(context, kind, now)}
    results = [
        {
            "topic": one.topic,
            "partition_result": [_row(context, kind, (one.topic, index), now) for index in one.partitions],
        }
        for one in asked
    ]
    wrong = Code.NONE if kind in set(ElectionType) else Code.INVALID_REQUEST
    return {"error_code": wrong, "replica_election_results": results}


def _elected_everywhere(context: Context, kind: int, now: float) -> list[dict[str, Any]]:
    """Return every topic, with those of its partitions in which something was to be done."""
    results = []
    for topic in context.cluster.topics.values():
        rows = [_row(context, kind, partition.key, now) for partition in topic.partitions]
        shown = [row for row in rows if row["error_code"] != Code.ELECTION_NOT_NEEDED]
        results.append({"topic": topic.name, "partition_result": shown})
    return results


def _row(context: Context, kind: int, key: tuple[str, int], now: float) -> dict[str, Any]:
    topic, index = key
    partition = context.cluster.partition(topic, index)
    code, why = Code.NOT_CONTROLLER, None
    if is_elsewhere(context):
        pass
    elif kind not in set(ElectionType):
        code, why = Code.INVALID_REQUEST, f"Unknown election type {kind}"
    elif partition is None:
        code = Code.UNKNOWN_TOPIC_OR_PARTITION
        is_there = topic in context.cluster.topics
        why = f"No such partition as {topic}-{index}" if is_there else f"No such topic as {topic}"
    else:
        code = _elected(context, kind, partition, now)
        why = _WORDS.get(code)
    return {"partition_id": index, "error_code": code, "error_message": why}


def _elected(context: Context, kind: int, partition: Partition, now: float) -> Code:
    controller = context.cluster.controller
    if kind == ElectionType.PREFERRED:
        return controller.elect_preferred(partition, now)
    if partition.state.leader != NO_LEADER:
        return Code.ELECTION_NOT_NEEDED
    is_led = controller.elect(partition, now, unclean=True)
    return Code.NONE if is_led else Code.ELIGIBLE_LEADERS_NOT_AVAILABLE


def alter_partition_reassignments(context: Context) -> Reply:
    """Answer AlterPartitionReassignments, API 45: versions 0 to 1.

    Special: replicas null (cancel).
    Left out: that the replication factor may not change (1) is not checked.
    """
    if not context.may_cluster(AclOperation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "responses": []}
    if is_elsewhere(context):
        return {"error_code": Code.NOT_CONTROLLER, "error_message": NOT_CONTROLLER, "responses": []}

    def done(now: float) -> Answer:
        rows = [
            {
                "name": topic.name,
                "partitions": [_move(context, topic.name, partition, now) for partition in topic.partitions],
            }
            for topic in context.body.topics
        ]
        return {"error_code": Code.NONE, "error_message": None, "responses": rows}

    return on_controller(context, done)


def _move(context: Context, topic: str, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    partition = context.cluster.partition(topic, asked.partition_index)
    code, why = Code.NONE, None
    if partition is None:
        code = Code.UNKNOWN_TOPIC_OR_PARTITION
        is_there = topic in context.cluster.topics
        why = f"partition {topic}:{asked.partition_index}" if is_there else f"a topic named {topic}"
        why = f"Unable to find {why}."
    elif asked.replicas is None:
        code = context.cluster.controller.cancel(partition, now)
    else:
        try:
            topics.check_assignment(context.cluster, [tuple(asked.replicas)])
            context.cluster.controller.reassign(partition, tuple(asked.replicas), now)
        except RequestRefused as refused:
            code, why = refused.code, str(refused)
    return {"partition_index": asked.partition_index, "error_code": code, "error_message": why}


def list_partition_reassignments(context: Context) -> Reply:
    """Answer ListPartitionReassignments, API 46: version 0.

    Special: topics null (all).
    Left out: nothing.
    """
    if not context.may_cluster(AclOperation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "topics": []}
    if is_elsewhere(context):
        return {"error_code": Code.NOT_CONTROLLER, "error_message": NOT_CONTROLLER, "topics": []}
    rows: dict[str, list[dict[str, Any]]] = {}
    for partition in _asked(context):
        state = partition.state
        if state.adding or state.removing:
            row = {
                "partition_index": partition.index,
                "replicas": list(state.replicas),
                "adding_replicas": list(state.adding),
                "removing_replicas": list(state.removing),
            }
            rows.setdefault(partition.topic.name, []).append(row)
    listed = [{"name": name, "partitions": partitions} for name, partitions in rows.items()]
    return {"error_code": Code.NONE, "error_message": None, "topics": listed}


def _asked(context: Context) -> Iterable[Partition]:
    asked = context.body.topics
    if asked is None:
        yield from context.cluster.partitions()
        return
    for topic in asked:
        for index in topic.partition_indexes:
            partition = context.cluster.partition(topic.name, index)
            if partition is not None:
                yield partition


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    43: elect_leaders,
    45: alter_partition_reassignments,
    46: list_partition_reassignments,
}
