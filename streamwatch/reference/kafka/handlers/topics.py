"""Topics as administrators change them: create, delete, grow, elect leaders, move replicas."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.acls import Operation
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply, on_controller
from streamwatch.reference.kafka.partition import NO_LEADER, Partition
from streamwatch.reference.kafka.settings import TOPIC
from streamwatch.reference.kafka.topics import Refused, Topic
from streamwatch.reference.kafka.wire import Answer

_PREFERRED: Final = 0
_DEFAULT_SOURCE, _TOPIC_SOURCE = 5, 1


def create_topics(context: Context) -> Reply:
    """API 19."""
    return on_controller(context, lambda now: {"topics": [_create(context, one, now) for one in context.body.topics]})


def _create(context: Context, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    name = asked.name
    try:
        _require(context.may_cluster(Operation.CREATE) or context.may_topic(Operation.CREATE, name))
        topics.check_name(context.cluster, name)
        assignment = _assignment(context, asked)
        own = {one.name: one.value for one in asked.configs or () if one.value is not None}
        topics.check_settings(own)
        topic_id = uuid.UUID(int=0)
        if not context.body.validate_only:
            topic_id = topics.create(context.cluster, name, assignment, own, now).id
            context.site.topics_changed()
    except Refused as refused:
        return {
            "name": name,
            "topic_id": NO_ID,
            "error_code": refused.code,
            "error_message": str(refused),
            "num_partitions": -1,
            "replication_factor": -1,
            "configs": [],
        }
    return {
        "name": name,
        "topic_id": topic_id,
        "error_code": Code.NONE,
        "error_message": None,
        "num_partitions": len(assignment),
        "replication_factor": len(assignment[0]),
        "configs": _settings(context, own),
    }


def _settings(context: Context, own: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": context.cluster.settings.topic(own, name),
            "read_only": False,
            "config_source": _TOPIC_SOURCE if name in own else _DEFAULT_SOURCE,
            "is_sensitive": False,
        }
        for name in TOPIC
    ]


def _assignment(context: Context, asked: Any) -> list[tuple[int, ...]]:  # noqa: ANN401 - a message
    """Return the replicas of each partition: as asked for, or chosen."""
    if asked.assignments:
        if asked.num_partitions != -1 or asked.replication_factor != -1:
            why = "Both numPartitions or replicationFactor and replicasAssignments were set."
            raise Refused(Code.INVALID_REQUEST, why)
        given = {one.partition_index: tuple(one.broker_ids) for one in asked.assignments}
        if sorted(given) != list(range(len(given))):
            raise Refused(
                Code.INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence"
            )
        topics.check_assignment(context.cluster, list(given.values()))
        return [given[index] for index in range(len(given))]
    settings = context.cluster.settings
    partitions = settings.number("num.partitions") if asked.num_partitions == -1 else asked.num_partitions
    default = settings.number("default.replication.factor")
    replication = default if asked.replication_factor == -1 else asked.replication_factor
    return topics.assign(context.cluster, partitions, replication)


def delete_topics(context: Context) -> Reply:
    """API 20."""
    body = context.body
    asked = [(one.name, one.topic_id) for one in body.topics or ()] or [(n, NO_ID) for n in body.topic_names or ()]
    return on_controller(context, lambda now: {"responses": [_delete(context, *one, now) for one in asked]})


def _delete(context: Context, name: str | None, topic_id: uuid.UUID, now: float) -> dict[str, Any]:
    found = context.topic(name or "", topic_id)
    shown = found.name if isinstance(found, Topic) else name
    row = {"name": shown, "topic_id": found.id if isinstance(found, Topic) else topic_id, "error_message": None}
    if not isinstance(found, Topic):
        return row | {"error_code": found}
    if not context.may_topic(Operation.DELETE, found.name):
        return row | {"error_code": Code.TOPIC_AUTHORIZATION_FAILED}
    topics.delete(context.cluster, found, now)
    context.site.groups.forget_topic(found.name)
    context.site.topics_changed()
    return row | {"error_code": Code.NONE}


def create_partitions(context: Context) -> Reply:
    """API 37."""
    return on_controller(context, lambda now: {"results": [_grow(context, one, now) for one in context.body.topics]})


def _grow(context: Context, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    try:
        found, added = _growth(context, asked)
        if not context.body.validate_only:
            topics.add_partitions(context.cluster, found, added, now)
            context.site.topics_changed()
    except Refused as refused:
        return {"name": asked.name, "error_code": refused.code, "error_message": str(refused)}
    return {"name": asked.name, "error_code": Code.NONE, "error_message": None}


def _growth(context: Context, asked: Any) -> tuple[Topic, list[tuple[int, ...]]]:  # noqa: ANN401 - a message
    """Return a topic and the replicas of the partitions that it is to get; raises Refused."""
    found = context.topic(asked.name)
    if not isinstance(found, Topic):
        raise Refused(found, "This server does not host this topic-partition.")
    _require(context.may_topic(Operation.ALTER, asked.name))
    more = asked.count - len(found.partitions)
    if more <= 0:
        why = f"The topic {asked.name} currently has {len(found.partitions)} partition(s); {asked.count} would not"
        raise Refused(Code.INVALID_PARTITIONS, f"{why} be an increase.")
    if asked.assignments is None:
        return found, topics.assign(context.cluster, more, len(found.partitions[0].state.replicas))
    added = [tuple(one.broker_ids) for one in asked.assignments]
    topics.check_assignment(context.cluster, added)
    if len(added) != more:
        raise Refused(Code.INVALID_REPLICA_ASSIGNMENT, f"Attempted to add {more} partition(s) by {len(added)}.")
    return found, added


def _require(may: bool) -> None:  # noqa: FBT001 - what it is about
    if not may:
        raise Refused(Code.TOPIC_AUTHORIZATION_FAILED, "Authorization failed.")


def elect_leaders(context: Context) -> Reply:
    """API 43: preferred (0) or unclean (1)."""
    if not context.may_cluster(Operation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "replica_election_results": []}
    return on_controller(context, lambda now: _elect(context, now))


def _elect(context: Context, now: float) -> Answer:
    asked = context.body.topic_partitions
    if asked is None:
        chosen = [(p.topic.name, p.index) for p in context.cluster.partitions()]
    else:
        chosen = [(one.topic, index) for one in asked for index in one.partitions]
    rows: dict[str, list[dict[str, Any]]] = {}
    for topic, index in chosen:
        code = _elected(context, topic, index, now)
        if asked is None and code == Code.ELECTION_NOT_NEEDED:
            continue
        why = None if code == Code.NONE else code.name
        row = {"partition_id": index, "error_code": code, "error_message": why}
        rows.setdefault(topic, []).append(row)
    results = [{"topic": topic, "partition_result": one} for topic, one in rows.items()]
    return {"error_code": Code.NONE, "replica_election_results": results}


def _elected(context: Context, topic: str, index: int, now: float) -> Code:
    partition = context.cluster.partition(topic, index)
    if partition is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    controller = context.cluster.controller
    if (context.body.election_type or _PREFERRED) == _PREFERRED:
        return controller.elect_preferred(partition, now)
    if partition.state.leader != NO_LEADER:
        return Code.ELECTION_NOT_NEEDED
    is_led = controller.elect(partition, now, unclean=True)
    return Code.NONE if is_led else Code.ELIGIBLE_LEADERS_NOT_AVAILABLE


def alter_partition_reassignments(context: Context) -> Reply:
    """API 45."""
    if not context.may_cluster(Operation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "responses": []}

    def done(now: float) -> Answer:
        rows = [
            {"name": topic.name, "partitions": [_move(context, topic.name, one, now) for one in topic.partitions]}
            for topic in context.body.topics
        ]
        return {"error_code": Code.NONE, "error_message": None, "responses": rows}

    return on_controller(context, done)


def _move(context: Context, topic: str, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    partition = context.cluster.partition(topic, asked.partition_index)
    code, why = Code.NONE, None
    if partition is None:
        code = Code.UNKNOWN_TOPIC_OR_PARTITION
    elif asked.replicas is None:
        code = context.cluster.controller.cancel(partition, now)
    else:
        try:
            topics.check_assignment(context.cluster, [tuple(asked.replicas)])
            context.cluster.controller.reassign(partition, tuple(asked.replicas), now)
        except Refused as refused:
            code, why = refused.code, str(refused)
    return {"partition_index": asked.partition_index, "error_code": code, "error_message": why}


def list_partition_reassignments(context: Context) -> Reply:
    """API 46."""
    if not context.may_cluster(Operation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "topics": []}
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
    19: create_topics,
    20: delete_topics,
    37: create_partitions,
    43: elect_leaders,
    45: alter_partition_reassignments,
    46: list_partition_reassignments,
}
