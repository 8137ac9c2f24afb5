"""Groups of the new protocol (KIP-848)."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.assignors import Slot
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_groups import ConsumerGroup
from streamwatch.reference.kafka.consumer_members import ConsumerMember, HeartbeatRequest
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.handlers.groups import wrong_coordinator

_FIRST: Final = (4, 0)
"""From this release on the new protocol is on; brokers of 3.7 to 3.9 list it, and refuse it."""


def consumer_group_heartbeat(context: Context) -> Reply:
    """Answer ConsumerGroupHeartbeat, API 68: versions 0 to 1.

    Special: member epoch 0 (join), -1 (leave), -2 (a static member goes, and comes back); null (as in the heartbeat
    before). Before 4.0: UNSUPPORTED_VERSION.
    Left out: nothing.
    """
    body, settings = context.body, context.cluster.settings
    if context.cluster.spec.release < _FIRST:
        return {"error_code": Code.UNSUPPORTED_VERSION, "member_epoch": 0, "heartbeat_interval_ms": 0}
    interval = int(settings.group(body.group_id, "consumer.heartbeat.interval.ms"))
    code = wrong_coordinator(context, body.group_id, AclOperation.READ)
    if code:
        return {"error_code": code, "member_epoch": 0, "heartbeat_interval_ms": interval}
    owned = body.topic_partitions
    beat = HeartbeatRequest(
        member_id=body.member_id,
        epoch=body.member_epoch,
        instance_id=body.instance_id,
        rack=body.rack_id,
        client_id=context.request.client_id,
        host=f"/{context.host}",
        session_seconds=int(settings.group(body.group_id, "consumer.session.timeout.ms")) / 1000,
        rebalance_seconds=None if body.rebalance_timeout_ms < 0 else body.rebalance_timeout_ms / 1000,
        topics=None if body.subscribed_topic_names is None else tuple(body.subscribed_topic_names),
        pattern=body.subscribed_topic_regex,
        assignor=body.server_assignor,
        owned=None if owned is None else frozenset((t.topic_id, index) for t in owned for index in t.partitions),
    )
    found = context.site.groups.beat(body.group_id, beat, context.now)
    answer: dict[str, Any] = {
        "error_code": found.code,
        "error_message": found.why,
        "member_id": found.member_id or None,
        "member_epoch": found.epoch,
        "heartbeat_interval_ms": interval,
    }
    if found.assignment is not None:
        answer["assignment"] = {"topic_partitions": _by_topic(found.assignment)}
    return answer


def _by_topic(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    topics: dict[uuid.UUID, list[int]] = {}
    for topic, index in sorted(slots):
        topics.setdefault(topic, []).append(index)
    return [{"topic_id": topic, "partitions": indexes} for topic, indexes in topics.items()]


def consumer_group_describe(context: Context) -> Reply:
    """Answer ConsumerGroupDescribe, API 69: versions 0 to 1.

    Special: a group of another kind is GROUP_ID_NOT_FOUND. Before 4.0: UNSUPPORTED_VERSION.
    Left out: nothing.
    """
    return {"groups": [_described(context, name) for name in context.body.group_ids]}


def _described(context: Context, name: str) -> dict[str, Any]:
    code = wrong_coordinator(context, name, AclOperation.DESCRIBE) if name else Code.INVALID_GROUP_ID
    code = Code.UNSUPPORTED_VERSION if context.cluster.spec.release < _FIRST else code
    group = context.site.groups.consumer(name)
    row: dict[str, Any] = {
        "group_id": name,
        "error_message": None,
        "group_state": "",
        "assignor_name": "",
        "members": [],
    }
    row |= {"error_code": code, "group_epoch": 0, "assignment_epoch": 0}
    if code:
        return row
    if group is None:
        what = "not found" if context.site.groups.find(name) is None else "is not a consumer group"
        return row | {"error_code": Code.GROUP_ID_NOT_FOUND, "error_message": f"Group {name} {what}."}
    row |= {
        "group_state": str(group.state),
        "group_epoch": group.epoch,
        "assignment_epoch": group.assignment_epoch,
        "assignor_name": group.assignor,
        "members": [_member(context, group, member) for member in group.members.values()],
    }
    if context.body.include_authorized_operations:
        row["authorized_operations"] = sum(1 << operation for operation in context.operations(ResourceType.GROUP, name))
    return row


def _member(context: Context, group: ConsumerGroup, consumer_member: ConsumerMember) -> dict[str, Any]:
    def named(slots: Iterable[Slot]) -> dict[str, Any]:
        names = {topic_id: topic.name for topic_id, topic in context.cluster.topics_by_id.items()}
        rows = [row | {"topic_name": names[row["topic_id"]]} for row in _by_topic(slots) if row["topic_id"] in names]
        return {"topic_partitions": rows}

    return {
        "member_id": consumer_member.id,
        "instance_id": consumer_member.instance_id,
        "rack_id": consumer_member.rack,
        "member_epoch": consumer_member.epoch,
        "client_id": consumer_member.client_id,
        "client_host": consumer_member.host,
        "subscribed_topic_names": list(consumer_member.topics),
        "subscribed_topic_regex": consumer_member.pattern or None,
        "assignment": named(consumer_member.assigned | consumer_member.revoking),
        "target_assignment": named(group.target.get(consumer_member.id, frozenset())),
        "member_type": 1,
    }


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {68: consumer_group_heartbeat, 69: consumer_group_describe}
