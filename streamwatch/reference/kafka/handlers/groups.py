"""Groups of the classic protocol, and what both kinds commit; lists and descriptions."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.acls import Operation, ResourceType
from streamwatch.reference.kafka.classic_group import ClassicGroup
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_group import ConsumerGroup
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply
from streamwatch.reference.kafka.handlers.transactions import committed
from streamwatch.reference.kafka.membership import Join, Joined, State, Synced
from streamwatch.reference.kafka.timers import Later
from streamwatch.reference.kafka.topics import Topic
from streamwatch.reference.kafka.wire import Answer

_FIRST_NEEDING_ID, _FIRST_SKIPPING, _FIRST_BY_ID = 4, 9, 10


def wrong_coordinator(context: Context, name: str, operation: Operation) -> Code:
    """Return why this broker does not answer for a group; NONE where it does."""
    if not context.may(operation, ResourceType.GROUP, name):
        return Code.GROUP_AUTHORIZATION_FAILED
    broker = context.site.coordinator(name, context.now)
    if broker is None:
        return Code.COORDINATOR_NOT_AVAILABLE
    return context.injected or (Code.NONE if broker == context.broker.id else Code.NOT_COORDINATOR)


def join_group(context: Context) -> Reply:
    """API 11."""
    body = context.body
    code = wrong_coordinator(context, body.group_id, Operation.READ)
    if code:
        return _joined(Joined(code=code, member_id=body.member_id))
    session = body.session_timeout_ms / 1000
    rebalance = body.rebalance_timeout_ms
    asked = Join(
        member_id=body.member_id,
        instance_id=body.group_instance_id,
        client_id=context.request.client_id,
        host=f"/{context.host}",
        session_seconds=session,
        rebalance_seconds=session if rebalance is None or rebalance < 0 else rebalance / 1000,
        protocol_type=body.protocol_type,
        protocols=tuple((one.name, bytes(one.metadata)) for one in body.protocols),
        needs_id=context.version >= _FIRST_NEEDING_ID,
        knows_skip=context.version >= _FIRST_SKIPPING,
    )
    return _then(context.site.groups.join(body.group_id, asked, context.now), _joined)


def _then(later: Later[Any], make: Callable[[Any], Answer]) -> Later[Answer]:
    whole: Later[Answer] = Later()
    later.then(lambda found: whole.settle(make(found)))
    return whole


def _joined(found: Joined) -> Answer:
    return {
        "error_code": found.code,
        "generation_id": found.generation,
        "protocol_type": found.protocol_type,
        "protocol_name": found.protocol or "",
        "leader": found.leader,
        "skip_assignment": found.skip_assignment,
        "member_id": found.member_id,
        "members": [{"member_id": a, "group_instance_id": b, "metadata": c} for a, b, c in found.members],
    }


def sync_group(context: Context) -> Reply:
    """API 14."""
    body = context.body
    code = wrong_coordinator(context, body.group_id, Operation.READ)
    group = context.site.groups.classic(body.group_id)
    if code or group is None:
        return _synced(Synced(code or Code.UNKNOWN_MEMBER_ID))
    for given, known in ((body.protocol_type, group.protocol_type), (body.protocol_name, group.protocol)):
        if given is not None and given != known and body.member_id in group.members:
            return _synced(Synced(Code.INCONSISTENT_GROUP_PROTOCOL))
    assignments = {one.member_id: bytes(one.assignment) for one in body.assignments}
    later = group.sync(body.member_id, body.group_instance_id, body.generation_id, assignments, context.now)
    return _then(later, _synced)


def _synced(found: Synced) -> Answer:
    return {
        "error_code": found.code,
        "protocol_type": found.protocol_type,
        "protocol_name": found.protocol,
        "assignment": found.assignment,
    }


def heartbeat(context: Context) -> Reply:
    """API 12."""
    body = context.body
    code = wrong_coordinator(context, body.group_id, Operation.READ)
    group = context.site.groups.classic(body.group_id)
    if not code:
        code = Code.UNKNOWN_MEMBER_ID
        if group is not None:
            code = group.heartbeat(body.member_id, body.group_instance_id, body.generation_id, context.now)
    return {"error_code": code}


def leave_group(context: Context) -> Reply:
    """API 13."""
    body = context.body
    code = wrong_coordinator(context, body.group_id, Operation.READ)
    group = context.site.groups.classic(body.group_id)
    if code or group is None:
        return {"error_code": code or Code.UNKNOWN_MEMBER_ID, "members": []}
    if body.members is None or context.version < 3:  # noqa: PLR2004 - where lists begin
        return {"error_code": group.leave(body.member_id, None, context.now)}
    rows = [
        {
            "member_id": one.member_id,
            "group_instance_id": one.group_instance_id,
            "error_code": group.leave(one.member_id, one.group_instance_id, context.now),
        }
        for one in body.members
    ]
    return {"error_code": Code.NONE, "members": rows}


def offset_commit(context: Context) -> Reply:
    """API 8."""
    body = context.body
    code = wrong_coordinator(context, body.group_id, Operation.READ)
    generation = -1 if body.generation_id_or_member_epoch is None else body.generation_id_or_member_epoch
    groups = context.site.groups
    code = code or groups.may_commit(body.group_id, body.member_id or "", body.group_instance_id, generation)
    rows = []
    for asked in body.topics:
        topic = context.topic(asked.name or "", asked.topic_id)
        name = topic.name if isinstance(topic, Topic) else asked.name or ""
        wrong = code or _uncommittable(context, topic)
        rows.append(
            {
                "name": name,
                "topic_id": asked.topic_id or NO_ID,
                "partitions": [
                    {"partition_index": one.partition_index, "error_code": wrong} for one in asked.partitions
                ],
            }
        )
        if not wrong:
            asked.name = name
            groups.commit(body.group_id, committed([asked], context.now))
    group = groups.classic(body.group_id)
    if not code and group is not None and body.member_id in group.members:
        group.members[body.member_id].seen = context.now
    return {"topics": rows}


def _uncommittable(context: Context, topic: Topic | Code) -> Code:
    if not isinstance(topic, Topic):
        return topic
    return Code.NONE if context.may_topic(Operation.READ, topic.name) else Code.TOPIC_AUTHORIZATION_FAILED


def offset_fetch(context: Context) -> Reply:
    """API 9: of one group, or of several (from version 8 on)."""
    body = context.body
    if context.version >= 8:  # noqa: PLR2004 - where lists begin
        return {"groups": [_fetched(context, one.group_id, one.topics, one) for one in body.groups]}
    row = _fetched(context, body.group_id, body.topics, None)
    topics = [{"name": one["name"], "partitions": one["partitions"]} for one in row["topics"]]
    return {"error_code": row["error_code"], "topics": topics}


def _fetched(context: Context, name: str, asked: Any, member: Any) -> dict[str, Any]:  # noqa: ANN401 - messages
    code = wrong_coordinator(context, name, Operation.DESCRIBE)
    if not code and member is not None and (member.member_epoch or -1) > 0:
        group = context.site.groups.find(name)
        if isinstance(group, ConsumerGroup):
            code = group.is_current(member.member_id or "", member.member_epoch)
    row: dict[str, Any] = {"group_id": name, "error_code": code, "topics": []}
    if code:
        return row
    known = context.site.groups.fetch(name)
    unstable = context.site.groups.unstable(name) if context.body.require_stable else set()
    if asked is None:
        named = sorted({topic for topic, _ in known if context.may_topic(Operation.DESCRIBE, topic)})
        wanted = [(topic, NO_ID, [i for t, i in sorted(known) if t == topic]) for topic in named]
    else:
        wanted = [(one.name or "", getattr(one, "topic_id", NO_ID), list(one.partition_indexes)) for one in asked]
    for topic_name, topic_id, indexes in wanted:
        topic = context.topic(topic_name, topic_id)
        wrong = Code.UNKNOWN_TOPIC_ID if topic is Code.UNKNOWN_TOPIC_ID else Code.NONE
        real = topic.name if isinstance(topic, Topic) else topic_name
        if not wrong and not context.may_topic(Operation.DESCRIBE, real):
            wrong = Code.TOPIC_AUTHORIZATION_FAILED
        shown_id = topic.id if isinstance(topic, Topic) else topic_id
        rows = []
        for index in indexes:
            one = known.get((real, index))
            failed = wrong or (Code.UNSTABLE_OFFSET_COMMIT if (real, index) in unstable else Code.NONE)
            rows.append(
                {
                    "partition_index": index,
                    "committed_offset": one.offset if one and not failed else -1,
                    "committed_leader_epoch": one.leader_epoch if one and not failed else -1,
                    "metadata": one.metadata if one and not failed else "",
                    "error_code": failed,
                }
            )
        row["topics"].append({"name": real, "topic_id": shown_id, "partitions": rows})
    return row


def describe_groups(context: Context) -> Reply:
    """API 15."""
    return {"groups": [_described(context, name) for name in context.body.groups]}


def _described(context: Context, name: str) -> dict[str, Any]:
    code = wrong_coordinator(context, name, Operation.DESCRIBE)
    row: dict[str, Any] = {"error_code": code, "error_message": None, "group_id": name, "members": []}
    row |= {"group_state": "", "protocol_type": "", "protocol_data": ""}
    group = context.site.groups.classic(name)
    if code:
        return row
    if group is None:
        is_new = context.version >= 6  # noqa: PLR2004 - where the code begins
        why = f"Group {name} not found."
        return row | {
            "error_code": Code.GROUP_ID_NOT_FOUND if is_new else Code.NONE,
            "error_message": why if is_new else None,
            "group_state": State.DEAD,
        }
    is_settled = group.state in {State.STABLE, State.COMPLETING}
    row |= {
        "group_state": str(group.state),
        "protocol_type": group.protocol_type or "",
        "protocol_data": (group.protocol or "") if is_settled else "",
        "members": [
            {
                "member_id": one.id,
                "group_instance_id": one.asked.instance_id,
                "client_id": one.asked.client_id,
                "client_host": one.asked.host,
                "member_metadata": dict(one.asked.protocols).get(group.protocol or "", b"") if is_settled else b"",
                "member_assignment": one.assignment if group.state is State.STABLE else b"",
            }
            for one in group.members.values()
        ],
    }
    if context.body.include_authorized_operations:
        row["authorized_operations"] = context.operations(ResourceType.GROUP, name)
    return row


def list_groups(context: Context) -> Reply:
    """API 16: of the groups that this broker coordinates."""
    states = {one.lower() for one in context.body.states_filter or ()}
    kinds = {one.lower() for one in context.body.types_filter or ()}
    rows = []
    for name in context.site.groups.names():
        group = context.site.groups.find(name)
        is_mine = context.site.coordinator(name, context.now) == context.broker.id
        if group is None or not is_mine or not context.may(Operation.DESCRIBE, ResourceType.GROUP, name):
            continue
        kind = "classic" if isinstance(group, ClassicGroup) else "consumer"
        protocol = (group.protocol_type or "") if isinstance(group, ClassicGroup) else "consumer"
        if (not states or group.state.lower() in states) and (not kinds or kind in kinds):
            rows.append(
                {"group_id": name, "protocol_type": protocol, "group_state": str(group.state), "group_type": kind}
            )
    return {"error_code": Code.NONE, "groups": rows}


def delete_groups(context: Context) -> Reply:
    """API 42."""

    def code(name: str) -> Code:
        return wrong_coordinator(context, name, Operation.DELETE) or context.site.groups.delete(name)

    return {"results": [{"group_id": name, "error_code": code(name)} for name in context.body.groups_names]}


def offset_delete(context: Context) -> Reply:
    """API 47."""
    body, groups = context.body, context.site.groups
    code = wrong_coordinator(context, body.group_id, Operation.DELETE)
    group = groups.find(body.group_id)
    if not code and group is None:
        code = Code.GROUP_ID_NOT_FOUND
    if code or group is None:
        return {"error_code": code, "topics": []}
    rows = []
    for topic in body.topics:
        busy = Code.GROUP_SUBSCRIBED_TO_TOPIC if group.members else Code.NONE
        keys = [(topic.name, one.partition_index) for one in topic.partitions]
        if not busy:
            groups.forget_offsets(body.group_id, keys)
        partitions = [{"partition_index": index, "error_code": busy} for _, index in keys]
        rows.append({"name": topic.name, "partitions": partitions})
    return {"error_code": Code.NONE, "topics": rows}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    8: offset_commit,
    9: offset_fetch,
    11: join_group,
    12: heartbeat,
    13: leave_group,
    14: sync_group,
    15: describe_groups,
    16: list_groups,
    42: delete_groups,
    47: offset_delete,
}
