"""Topics as administrators change them: create, delete, grow."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply, is_elsewhere, on_controller
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.settings_topics import topic_settings
from streamwatch.reference.kafka.wire import Answer

_DEFAULT_SOURCE, _TOPIC_SOURCE = 5, 1
_KEEPS_GROUPS: Final = (4, 0)
"""From this release on an empty group outlives the last topic of which it committed anything."""
_TWICE: Final = "Duplicate topic name."


def create_topics(context: Context) -> Reply:
    """Answer CreateTopics, API 19: versions 2 to 7.

    Special: partitions or replication factor -1 (the brokers' defaults from 4 on, KIP-464; together with an
    assignment they must be -1); a topic twice is refused with INVALID_REQUEST, a name that differs from an
    existing topic's in dots and underscores only with INVALID_TOPIC_EXCEPTION: their metrics would be the same.
    Left out: versions below 2, which brokers before 4.0 list (the connection is closed); policies of the broker's
    own (create.topic.policy.class.name).
    """
    asked, twice = _once(context.body.topics)
    if is_elsewhere(context):
        return {
            "topics": [
                _not_created(topic.name, RequestRefused(Code.NOT_CONTROLLER, "")) for topic in context.body.topics
            ]
        }

    def done(now: float) -> Answer:
        names = [(one, _misnamed(context, one.name)) for one in asked]  # all before any: they may collide, as in Kafka
        names += [(one, RequestRefused(Code.INVALID_REQUEST, _TWICE)) for one in twice]
        return {"topics": [_not_created(one.name, why) if why else _create(context, one, now) for one, why in names]}

    return on_controller(context, done)


def _once(asked: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return what is asked for once, and the first of what is asked for several times: that is refused as a whole."""
    rows = {one.name: one for one in reversed(list(asked))}
    counts = Counter(one.name for one in asked)
    return [rows[name] for name in counts if counts[name] == 1], [rows[name] for name in counts if counts[name] > 1]


def _misnamed(context: Context, name: str) -> RequestRefused | None:
    try:
        _require(context.may_cluster(AclOperation.CREATE) or context.may_topic(AclOperation.CREATE, name))
        topics.check_name(context.cluster, name)
    except RequestRefused as refused:
        return refused
    return None


def _create(context: Context, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    name = asked.name
    try:
        own = _own_settings(context, asked)
        assignment = _assignment(context, asked)
        topic_id = topics.new_id(context.cluster)  # shown even where it was only tried
        if not context.body.validate_only:
            topic_id = topics.create(context.cluster, name, assignment, own, now).id
            context.site.topics_changed()
    except RequestRefused as refused:
        return _not_created(name, refused)
    return {
        "name": name,
        "topic_id": topic_id,
        "error_code": Code.NONE,
        "error_message": None,
        "num_partitions": len(assignment),
        "replication_factor": len(assignment[0]),
        "configs": _settings(context, own),
    }


def _not_created(name: str, why: RequestRefused) -> dict[str, Any]:
    return {
        "name": name,
        "topic_id": NO_ID,
        "error_code": why.code,
        "error_message": str(why),
        "num_partitions": -1,
        "replication_factor": -1,
        "configs": [],
    }


def _own_settings(context: Context, asked: Any) -> dict[str, str]:  # noqa: ANN401 - a message
    nothing = [config.name for config in asked.configs or () if config.value is None]
    if nothing:
        raise RequestRefused(Code.INVALID_CONFIG, f"Null value not supported for topic configs: {', '.join(nothing)}")
    own = {config.name: config.value for config in asked.configs or ()}
    topics.check_settings(context.cluster, own)
    return own


def _settings(context: Context, own: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": context.cluster.settings.topic(own, name),
            "read_only": False,
            "config_source": _TOPIC_SOURCE if name in own else _DEFAULT_SOURCE,
            "is_sensitive": False,
        }
        for name in topic_settings(context.cluster.spec.release)
    ]


def _assignment(context: Context, asked: Any) -> list[tuple[int, ...]]:  # noqa: ANN401 - a message
    """Return the replicas of each partition: as asked for, or chosen."""
    if asked.assignments:
        for what, count in (("replication factor", asked.replication_factor), ("numPartitions", asked.num_partitions)):
            if count != -1:
                why = f"A manual partition assignment was specified, but {what} was not set to -1."
                raise RequestRefused(Code.INVALID_REQUEST, why)
        given: dict[int, tuple[int, ...]] = {}
        for assignment in asked.assignments:
            if assignment.partition_index in given:
                why = f"Found multiple manual partition assignments for partition {assignment.partition_index}"
                raise RequestRefused(Code.INVALID_REPLICA_ASSIGNMENT, why)
            given[assignment.partition_index] = tuple(assignment.broker_ids)
        if sorted(given) != list(range(len(given))):
            raise RequestRefused(
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
    """Answer DeleteTopics, API 20: versions 1 to 6.

    Special: from 6 on a null name with a topic id (KIP-516); a topic twice, or by name and id, is refused.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed).
    """
    body = context.body
    asked = [(topic.name, topic.topic_id or NO_ID) for topic in body.topics or ()]
    asked = asked or [(name, NO_ID) for name in body.topic_names or ()]
    if is_elsewhere(context):
        return {"responses": [{"name": name, "error_code": Code.NOT_CONTROLLER} for name, _ in asked]}
    return on_controller(
        context, lambda now: {"responses": [_delete(context, *one, now) for one in _wanted(context, asked)]}
    )


Wanted = tuple[str | None, uuid.UUID, str | None]
"""A topic by its name or its id, and why it is not deleted at all."""


def _wanted(context: Context, asked: list[tuple[str | None, uuid.UUID]]) -> list[Wanted]:
    """Return what is to be deleted once; what is asked for twice, or wrongly, comes with the reason."""
    counts = Counter(asked)
    named = {topic.id for name, _ in counts if name is not None and isinstance(topic := context.topic(name), Topic)}
    rows: list[Wanted] = []
    for (name, asked_id), count in counts.items():
        topic_id, why = asked_id, None
        if name is None and topic_id == NO_ID:
            why = "Neither topic name nor id were specified."
        elif name is not None and topic_id != NO_ID:
            why = "You may not specify both topic name and topic id."
        elif count > 1:
            why = _TWICE if name is not None else "Duplicate topic id."
        elif topic_id in named:
            continue
        elif (None, found := _id_of(context, name)) in counts:
            why, topic_id = "The provided topic name maps to an ID that was already supplied.", found
        rows.append((name, topic_id, why))
    return rows


def _id_of(context: Context, name: str | None) -> uuid.UUID:
    found = context.topic(name or "")
    return found.id if isinstance(found, Topic) else NO_ID


def _delete(context: Context, name: str | None, topic_id: uuid.UUID, why: str | None, now: float) -> dict[str, Any]:
    if why is not None:
        return {"name": name, "topic_id": topic_id, "error_code": Code.INVALID_REQUEST, "error_message": why}
    found = context.topic(name or "", topic_id)
    shown = found.name if isinstance(found, Topic) else name
    row = {"name": shown, "topic_id": found.id if isinstance(found, Topic) else topic_id, "error_message": None}
    if not isinstance(found, Topic):
        what = "topic ID" if found is Code.UNKNOWN_TOPIC_ID else "topic-partition"
        return row | {"error_code": found, "error_message": f"This server does not host this {what}."}
    if not context.may_topic(AclOperation.DELETE, found.name):
        return row | {"error_code": Code.TOPIC_AUTHORIZATION_FAILED, "error_message": "Topic authorization failed."}
    topics.delete(context.cluster, found, now)
    context.site.groups.forget_topic(found.name, with_groups=context.cluster.spec.release < _KEEPS_GROUPS)
    context.site.topics_changed()
    return row | {"error_code": Code.NONE}


def create_partitions(context: Context) -> Reply:
    """Answer CreatePartitions, API 37: versions 0 to 3.

    Special: assignments null (the broker chooses).
    Left out: nothing.
    """
    asked, twice = _once(context.body.topics)
    if is_elsewhere(context):
        rows = [{"name": one.name, "error_code": Code.NOT_CONTROLLER, "error_message": None} for one in asked + twice]
        return {"results": rows}

    def done(now: float) -> Answer:
        refused = [{"name": one.name, "error_code": Code.INVALID_REQUEST, "error_message": _TWICE} for one in twice]
        return {"results": [_grow(context, one, now) for one in asked] + refused}

    return on_controller(context, done)


def _grow(context: Context, asked: Any, now: float) -> dict[str, Any]:  # noqa: ANN401 - a message
    try:
        found, added = _growth(context, asked)
        if not context.body.validate_only:
            topics.add_partitions(context.cluster, found, added, now)
            context.site.topics_changed()
    except RequestRefused as refused:
        return {"name": asked.name, "error_code": refused.code, "error_message": str(refused) or None}
    return {"name": asked.name, "error_code": Code.NONE, "error_message": None}


def _growth(context: Context, asked: Any) -> tuple[Topic, list[tuple[int, ...]]]:  # noqa: ANN401 - a message
    """Return a topic and the replicas of the partitions that it is to get; raises Refused."""
    found = context.topic(asked.name)
    if not isinstance(found, Topic):
        raise RequestRefused(found, "")
    _require(context.may_topic(AclOperation.ALTER, asked.name))
    now = len(found.partitions)
    more = asked.count - now
    if more == 0:
        raise RequestRefused(Code.INVALID_PARTITIONS, f"Topic already has {now} partition(s).")
    if more < 0:
        why = f"The topic {asked.name} currently has {now} partition(s); {asked.count} would not be an increase."
        raise RequestRefused(Code.INVALID_PARTITIONS, why)
    size = len(found.partitions[0].state.replicas)
    if asked.assignments is None:
        return found, topics.assign(context.cluster, more, size)
    added = [tuple(assignment.broker_ids) for assignment in asked.assignments]
    if len(added) != more:
        why = f"Attempted to add {more} additional partition(s), but only {len(added)} assignment(s) were specified."
        raise RequestRefused(Code.INVALID_REPLICA_ASSIGNMENT, why)
    topics.check_assignment(context.cluster, added, size)
    return found, added


def _require(may: bool) -> None:  # noqa: FBT001 - what it is about
    if not may:
        raise RequestRefused(Code.TOPIC_AUTHORIZATION_FAILED, "Authorization failed.")


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    19: create_topics,
    20: delete_topics,
    37: create_partitions,
}
