"""Groups of the classic protocol, and what both kinds commit; lists and descriptions."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.described import DescribedGroup
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply, by_topic
from streamwatch.reference.kafka.handlers.transactions import committed, uncommittable
from streamwatch.reference.kafka.membership import Join, Joined, Synced
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.wire import Answer
from streamwatch.reference.timers import Later

_FIRST_LEAVING_TOGETHER, _FIRST_NEEDING_ID, _FIRST_NOT_FOUND, _FIRST_FETCHING_MANY, _FIRST_SKIPPING = 3, 4, 6, 8, 9
"""Versions of LeaveGroup, JoinGroup, DescribeGroups, OffsetFetch and JoinGroup."""


def wrong_coordinator(context: Context, name: str, operation: AclOperation) -> Code:
    """Return why this broker does not answer for a group; NONE where it does."""
    if not context.may(operation, ResourceType.GROUP, name):
        return Code.GROUP_AUTHORIZATION_FAILED
    broker = context.site.coordinator(name, context.now)
    if broker is None:
        return Code.COORDINATOR_NOT_AVAILABLE
    return context.injected or (Code.NONE if broker == context.broker.id else Code.NOT_COORDINATOR)


def join_group(context: Context) -> Reply:
    """Answer JoinGroup, API 11: versions 0 to 9.

    Special: an empty member id (from 4 on answered with an id to come back with, KIP-394); rebalance timeout null
    or -1 (the session's); from 9 on a static leader that came back skips the assignment (KIP-814).
    Left out: reasons (8, KIP-800) are not kept.
    """
    body = context.body
    code = wrong_coordinator(context, body.group_id, AclOperation.READ)
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
        protocols=tuple((protocol.name, bytes(protocol.metadata)) for protocol in body.protocols),
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
    """Answer SyncGroup, API 14: versions 0 to 5.

    Special: assignments of the leader only; the others send none, and wait for its.
    Left out: nothing.
    """
    body = context.body
    code = wrong_coordinator(context, body.group_id, AclOperation.READ)
    if code:
        return _synced(Synced(code))
    assignments = {assignment.member_id: bytes(assignment.assignment) for assignment in body.assignments}
    protocol = (body.protocol_type, body.protocol_name)
    return _then(context.site.groups.sync(body.group_id, _who(body), assignments, context.now, protocol), _synced)


def _who(body: Any) -> Who:  # noqa: ANN401 - a message
    return Who(body.member_id, body.group_instance_id, body.generation_id)


def _synced(found: Synced) -> Answer:
    return {
        "error_code": found.code,
        "protocol_type": found.protocol_type,
        "protocol_name": found.protocol,
        "assignment": found.assignment,
    }


def heartbeat(context: Context) -> Reply:
    """Answer Heartbeat, API 12: versions 0 to 4.

    Special: REBALANCE_IN_PROGRESS tells the member to join again.
    Left out: nothing.
    """
    code = wrong_coordinator(context, context.body.group_id, AclOperation.READ)
    return {"error_code": code or context.site.groups.heartbeat(context.body.group_id, _who(context.body), context.now)}


def leave_group(context: Context) -> Reply:
    """Answer LeaveGroup, API 13: versions 0 to 5.

    Special: from 3 on several members at once, with an empty member id where the instance id is known (KIP-345).
    Left out: reasons (5, KIP-800) are not kept.
    """
    body = context.body
    code = wrong_coordinator(context, body.group_id, AclOperation.READ)
    if code:
        return {"error_code": code, "members": []}
    if context.version < _FIRST_LEAVING_TOGETHER:
        return {"error_code": context.site.groups.leave(body.group_id, [Who(body.member_id)], context.now)[0]}
    leavers = [Who(member.member_id, member.group_instance_id) for member in body.members]
    codes = context.site.groups.leave(body.group_id, leavers, context.now)
    rows = [
        {"member_id": who.member_id, "group_instance_id": who.instance_id, "error_code": one}
        for who, one in zip(leavers, codes, strict=True)
    ]
    return {"error_code": Code.NONE, "members": rows}


def offset_commit(context: Context) -> Reply:
    """Answer OffsetCommit, API 8: versions 2 to 10.

    Special: generation -1 without a member (somebody who is no member commits, which needs the group to be empty);
    from 10 on topic ids (KIP-848).
    Left out: versions below 2, which brokers before 4.0 list (the connection is closed); retention times (2 to 4)
    are not heeded.
    """
    body, groups = context.body, context.site.groups
    code = wrong_coordinator(context, body.group_id, AclOperation.READ)
    generation = -1 if body.generation_id_or_member_epoch is None else body.generation_id_or_member_epoch
    who = Who(body.member_id or "", body.group_instance_id, generation)
    code = code or groups.may_commit(body.group_id, who)
    rows = []
    for asked in body.topics:
        topic = context.topic(asked.name or "", asked.topic_id)
        wrong = {
            partition.partition_index: code or uncommittable(context, topic, partition.partition_index)
            for partition in asked.partitions
        }
        if isinstance(topic, Topic):
            asked.name = topic.name
            offsets = committed([asked], context.now)
            groups.commit(
                body.group_id, who, {key: one for key, one in offsets.items() if not wrong[key[1]]}, context.now
            )
        partitions = [{"partition_index": index, "error_code": one} for index, one in wrong.items()]
        rows.append({"name": asked.name or "", "topic_id": asked.topic_id or NO_ID, "partitions": partitions})
    return {"topics": rows}


def offset_fetch(context: Context) -> Reply:
    """Answer OffsetFetch, API 9: versions 1 to 10.

    Special: topics null (all that the group committed, 2); offset -1 (nothing is committed); require_stable (7,
    KIP-447) refuses what a transaction may still change; from 8 on many groups (KIP-709), from 10 on topic ids
    (KIP-848).
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed).
    """
    body = context.body
    if context.version >= _FIRST_FETCHING_MANY:
        return {"groups": [_fetched(context, group.group_id, group.topics, group) for group in body.groups]}
    row = _fetched(context, body.group_id, body.topics, None)
    topics = [{"name": one["name"], "partitions": one["partitions"]} for one in row["topics"]]
    return {"error_code": row["error_code"], "topics": topics}


def _fetched(context: Context, name: str, asked: Any, member: Any) -> dict[str, Any]:  # noqa: ANN401 - messages
    code = wrong_coordinator(context, name, AclOperation.DESCRIBE)
    group = context.site.groups.consumer(name)
    if not code and group is not None and member is not None and (member.member_epoch or -1) > 0:
        code = group.check(Who(member.member_id or "", None, member.member_epoch))
    row: dict[str, Any] = {"group_id": name, "error_code": code, "topics": []}
    if code:
        return row
    known = context.site.groups.fetch(name, require_stable=bool(context.body.require_stable))
    if asked is None:
        named = sorted({topic for topic, _ in known if context.may_topic(AclOperation.DESCRIBE, topic)})
        wanted = [(topic, NO_ID, [i for t, i in sorted(known) if t == topic]) for topic in named]
    else:
        wanted = [(one.name or "", getattr(one, "topic_id", NO_ID), list(one.partition_indexes)) for one in asked]
    for topic_name, topic_id, indexes in wanted:
        topic = context.topic(topic_name, topic_id)
        real = topic.name if isinstance(topic, Topic) else topic_name
        wrong = Code.UNKNOWN_TOPIC_ID if topic is Code.UNKNOWN_TOPIC_ID else Code.NONE
        if not wrong and not context.may_topic(AclOperation.DESCRIBE, real):
            wrong = Code.TOPIC_AUTHORIZATION_FAILED
        rows = [_offset(index, wrong or known.get((real, index))) for index in indexes]
        shown_id = topic.id if isinstance(topic, Topic) else topic_id
        row["topics"].append({"name": real, "topic_id": shown_id, "partitions": rows})
    return row


def _offset(index: int, found: Committed | Code | None) -> dict[str, Any]:
    """Return the answer about a partition: what was committed, nothing, or why that is not known."""
    one = found if isinstance(found, Committed) else Committed(-1)
    return {
        "partition_index": index,
        "committed_offset": one.offset,
        "committed_leader_epoch": one.leader_epoch,
        "metadata": one.metadata,
        "error_code": found if isinstance(found, Code) else Code.NONE,
    }


def describe_groups(context: Context) -> Reply:
    """Answer DescribeGroups, API 15: versions 0 to 6.

    Special: a group that is not there is Dead without an error up to 5, and GROUP_ID_NOT_FOUND from 6 on
    (KIP-1043).
    Left out: nothing.
    """
    return {"groups": [_described(context, name) for name in context.body.groups]}


def _described(context: Context, name: str) -> dict[str, Any]:
    code = wrong_coordinator(context, name, AclOperation.DESCRIBE)
    found = DescribedGroup(code=code) if code else context.site.groups.describe(name)
    is_shown = code or context.version >= _FIRST_NOT_FOUND
    row: dict[str, Any] = {
        "error_code": found.code if is_shown else Code.NONE,
        "error_message": f"Group {name} not found." if found.code and is_shown and not code else None,
        "group_id": name,
        "group_state": "" if code else str(found.state),
        "protocol_type": found.protocol_type,
        "protocol_data": found.protocol,
        "members": [
            {
                "member_id": member.id,
                "group_instance_id": member.instance_id,
                "client_id": member.client_id,
                "client_host": member.host,
                "member_metadata": member.metadata,
                "member_assignment": member.assignment,
            }
            for member in found.members
        ],
    }
    if context.body.include_authorized_operations and not found.code:
        row["authorized_operations"] = context.operations(ResourceType.GROUP, name)
    return row


def list_groups(context: Context) -> Reply:
    """Answer ListGroups, API 16: versions 0 to 5.

    Special: no filter, and an empty one (all); states (4, KIP-518) and types (5, KIP-848) are compared without
    case. Only groups that this broker coordinates.
    Left out: share groups and streams groups.
    """
    states = {one.lower() for one in context.body.states_filter or ()}
    kinds = {one.lower() for one in context.body.types_filter or ()}
    rows = [
        {
            "group_id": one.name,
            "protocol_type": one.protocol_type,
            "group_state": one.state,
            "group_type": one.kind,
        }
        for one in context.site.groups.list()
        if (not states or one.state.lower() in states)
        and (not kinds or one.kind in kinds)
        and context.site.coordinator(one.name, context.now) == context.broker.id
        and context.may(AclOperation.DESCRIBE, ResourceType.GROUP, one.name)
    ]
    return {"error_code": Code.NONE, "groups": rows}


def delete_groups(context: Context) -> Reply:
    """Answer DeleteGroups, API 42: versions 0 to 2.

    Special: a name twice counts once.
    Left out: nothing.
    """

    def code(name: str) -> Code:
        return wrong_coordinator(context, name, AclOperation.DELETE) or context.site.groups.delete(name)

    names = dict.fromkeys(context.body.groups_names)
    return {"results": [{"group_id": name, "error_code": code(name)} for name in names]}


def offset_delete(context: Context) -> Reply:
    """Answer OffsetDelete, API 47: version 0.

    Special: a topic that a member subscribes to is refused (GROUP_SUBSCRIBED_TO_TOPIC).
    Left out: nothing.
    """
    body = context.body
    keys = [(topic.name, partition.partition_index) for topic in body.topics for partition in topic.partitions]
    code = wrong_coordinator(context, body.group_id, AclOperation.DELETE)
    there = [key for key in keys if context.cluster.partition(*key) is not None]
    found = code or context.site.groups.delete_offsets(body.group_id, there)
    if isinstance(found, Code):
        return {"error_code": found, "topics": []}
    codes = dict.fromkeys(keys, Code.UNKNOWN_TOPIC_OR_PARTITION) | found
    rows_by_topic = by_topic((key[0], {"partition_index": key[1], "error_code": codes[key]}) for key in keys)
    return {"error_code": Code.NONE, "topics": [{"name": name, "partitions": rows} for name, rows in rows_by_topic]}


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
