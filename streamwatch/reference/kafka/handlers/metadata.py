"""What clients ask first: ApiVersions, Metadata, FindCoordinator."""

import re
from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.features import features_of
from streamwatch.reference.kafka.handlers.context import CLUSTER, MALFORMED, NO_ID, Context, Reply
from streamwatch.reference.kafka.partition import NO_LEADER, Partition, Topic
from streamwatch.reference.kafka.topics import illegal

_MOST_PARTITIONS: Final = 2000
_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
_FIRST_SHARING: Final = 6
"""The version of FindCoordinator that knows share groups."""
_FIRST_NAMING: Final = 3
"""The version of ApiVersions from which on clients name themselves, and features are listed."""
_FIRST_FROM_ZERO: Final = 4
"""The version of ApiVersions from which on features are listed whose lowest level is 0."""
_SOFTWARE: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def api_versions(context: Context) -> Reply:
    """Answer ApiVersions, API 18: versions 0 to 4.

    Special: a version that is not known is answered in version 0, with the list (KIP-511); from 3 on clients have
    names, from 4 on features whose lowest level is 0 are listed.
    Left out: migration from ZooKeeper is never ready.
    """
    names = ("client_software_name", "client_software_version")
    has_names = context.request.body is not None and context.version >= _FIRST_NAMING
    if has_names and not all(_SOFTWARE.fullmatch(getattr(context.body, name)) for name in names):
        return {"error_code": Code.INVALID_REQUEST, "api_keys": []}
    code = Code.UNSUPPORTED_VERSION if context.request.body is None else Code.NONE
    spans = context.site.offered
    keys = [{"api_key": key, "min_version": a, "max_version": b} for key, (a, b) in sorted(spans.items())]
    answer: dict[str, Any] = {"error_code": code, "api_keys": keys}
    features = features_of(context.cluster.spec.release)
    if has_names and features:
        answer["supported_features"] = [
            {"name": feature.name, "min_version": feature.lowest, "max_version": feature.highest}
            for feature in features
            if feature.lowest or context.version >= _FIRST_FROM_ZERO
        ]
        answer["finalized_features_epoch"] = context.cluster.controller.end(context.now)
        answer["finalized_features"] = [
            {"name": feature.name, "max_version_level": feature.level, "min_version_level": feature.level}
            for feature in features
            if feature.level
        ]
    return answer


def metadata(context: Context) -> Reply:
    """Answer Metadata, API 3: versions 0 to 13.

    Special: topics null, and in version 0 an empty list (all topics); a topic id instead of a name (12, KIP-516);
    leader -1 (there is none).
    Left out: the error of a whole answer (13) is always none.
    """
    body = context.body
    wants_all = body.topics is None or (context.version == 0 and not body.topics)
    if wants_all:
        asked = [(name, None) for name in context.cluster.topics if context.may_topic(AclOperation.DESCRIBE, name)]
    else:
        asked = [(topic.name, topic.topic_id) for topic in body.topics]
    answer: dict[str, Any] = {
        "brokers": brokers(context),
        "cluster_id": context.cluster.spec.cluster_id,
        "controller_id": controller_id(context),
        "topics": [_topic(context, name, topic_id) for name, topic_id in asked],
    }
    if body.include_cluster_authorized_operations:
        answer["authorized_operations"] = context.operations(ResourceType.CLUSTER, CLUSTER)
    return answer


def brokers(context: Context) -> list[dict[str, Any]]:
    """Return the brokers that are not fenced, with their addresses."""
    rows = []
    for broker in context.cluster.brokers.values():
        if not broker.is_fenced or broker is context.broker:
            host, port = context.site.address(broker.id, context.listener)
            rows.append({"node_id": broker.id, "host": host, "port": port, "rack": broker.rack})
    return rows


def controller_id(context: Context) -> int:
    """Return the controller's id; in KRaft clients are given any broker that is alive."""
    cluster = context.cluster
    if not cluster.spec.kraft:
        return -1 if cluster.controller.leader is None else cluster.controller.leader
    alive = [broker.id for broker in cluster.brokers.values() if not broker.is_fenced]
    return cluster.random.choice(alive) if alive else -1


def _topic(context: Context, name: str | None, topic_id: Any) -> dict[str, Any]:  # noqa: ANN401 - a UUID or nothing
    found = context.topic(name or "", topic_id)
    if not isinstance(found, Topic):
        if name and not context.may_topic(AclOperation.DESCRIBE, name):
            return _missing(Code.TOPIC_AUTHORIZATION_FAILED, name, topic_id)
        if name is None or not _may_create(context, name):
            return _missing(found, name, topic_id)
        try:
            found = topics.ensure(context.cluster, name, context.now)
        except RequestRefused as refused:
            return _missing(refused.code, name, topic_id)
    if not context.may_topic(AclOperation.DESCRIBE, found.name):
        return _missing(Code.TOPIC_AUTHORIZATION_FAILED, name, topic_id)
    row = {
        "error_code": Code.NONE,
        "name": found.name,
        "topic_id": found.id,
        "is_internal": found.is_internal,
        "partitions": [_partition(context, partition) for partition in found.partitions],
    }
    if context.body.include_topic_authorized_operations:
        row["authorized_operations"] = context.operations(ResourceType.TOPIC, found.name)
    return row


def _may_create(context: Context, name: str) -> bool:
    is_on = context.cluster.settings.broker("auto.create.topics.enable") == "true"
    may = context.may_cluster(AclOperation.CREATE) or context.may_topic(AclOperation.CREATE, name)
    return bool(is_on and context.body.allow_auto_topic_creation is not False and may)


def _missing(code: Code, name: str | None, topic_id: Any) -> dict[str, Any]:  # noqa: ANN401 - a UUID or nothing
    return {"error_code": code, "name": name, "topic_id": topic_id or NO_ID, "partitions": []}


def _partition(context: Context, partition: Partition) -> dict[str, Any]:
    state = context.cluster.state_for(context.broker, partition)
    return {
        "error_code": Code.LEADER_NOT_AVAILABLE if state.leader == NO_LEADER else Code.NONE,
        "partition_index": partition.index,
        "leader_id": state.leader,
        "leader_epoch": state.leader_epoch,
        "replica_nodes": list(state.replicas),
        "isr_nodes": list(state.isr),
        "offline_replicas": _offline(context, partition),
    }


def _offline(context: Context, partition: Partition) -> list[int]:
    cluster = context.cluster
    return [
        each
        for each, replica in partition.replicas.items()
        if cluster.brokers[each].is_fenced or not replica.volume.is_online
    ]


def describe_topic_partitions(context: Context) -> Reply:
    """Answer DescribeTopicPartitions, API 75: version 0.

    Special: no topics (all); a cursor (where the page before ended).
    Left out: eligible leader replicas (KIP-966) are always none.
    """
    body = context.body
    names = sorted(topic.name for topic in body.topics) if body.topics else sorted(context.cluster.topics)
    first = (body.cursor.topic_name, body.cursor.partition_index) if body.cursor else ("", 0)
    left = max(1, min(body.response_partition_limit, _MOST_PARTITIONS))
    rows: list[dict[str, Any]] = []
    for name in names:
        if name < first[0]:
            continue
        row = _described(context, name, first[1] if name == first[0] else 0, left)
        left -= len(row["partitions"])
        rows.append(row)
        count = len(context.cluster.topics[name].partitions) if name in context.cluster.topics else 0
        last = row["partitions"][-1]["partition_index"] + 1 if row["partitions"] else 0
        if left <= 0 and (last < count or name != names[-1]):
            return {"topics": rows, "next_cursor": {"topic_name": name, "partition_index": last}}
    return {"topics": rows}


def _described(context: Context, name: str, first: int, most: int) -> dict[str, Any]:
    found = context.topic(name)
    if not isinstance(found, Topic) or not context.may_topic(AclOperation.DESCRIBE, name):
        code = found if isinstance(found, Code) else Code.TOPIC_AUTHORIZATION_FAILED
        code = Code.INVALID_TOPIC_EXCEPTION if illegal(name) else code
        row = {"error_code": code, "name": name, "topic_id": NO_ID, "partitions": []}
        return row | {"topic_authorized_operations": _bits(context, name)}
    wanted = found.partitions[first : first + most]
    rows = [_partition(context, one) | {"eligible_leader_replicas": [], "last_known_elr": []} for one in wanted]
    return {
        "error_code": Code.NONE,
        "name": name,
        "topic_id": found.id,
        "is_internal": found.is_internal,
        "partitions": rows,
        "topic_authorized_operations": _bits(context, name),
    }


def _bits(context: Context, name: str) -> int:
    return sum(1 << operation for operation in context.operations(ResourceType.TOPIC, name))


def find_coordinator(context: Context) -> Reply:
    """Answer FindCoordinator, API 10: versions 0 to 6.

    Special: key type 0 (a group), 1 (a transactional id); from 4 on many keys (KIP-699).
    Left out: coordinators of share groups' state (type 2, from 6 on): refused as by a broker without them.
    """
    body = context.body
    keys = list(body.coordinator_keys) if context.version >= 4 else [body.key]  # noqa: PLR2004 - where batches begin
    rows = [{"key": key, **_coordinator(context, key, body.key_type or _GROUP)} for key in keys]
    if context.version >= 4:  # noqa: PLR2004
        return {"coordinators": rows}
    return {name: value for name, value in rows[0].items() if name != "key"}


def _coordinator(context: Context, key: str, kind: int) -> dict[str, Any]:
    nowhere = {"node_id": -1, "host": "", "port": -1}
    if kind not in {_GROUP, _TRANSACTION}:
        why = "" if kind == _SHARE and context.version >= _FIRST_SHARING else MALFORMED
        return nowhere | {"error_code": Code.INVALID_REQUEST, "error_message": why}
    resource = ResourceType.TRANSACTIONAL_ID if kind == _TRANSACTION else ResourceType.GROUP
    if not context.may(AclOperation.DESCRIBE, resource, key):
        is_group = kind == _GROUP
        code = Code.GROUP_AUTHORIZATION_FAILED if is_group else Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        return nowhere | {"error_code": code, "error_message": None}
    broker = context.site.coordinator(key, context.now, is_transaction=kind == _TRANSACTION)
    if broker is None:
        return nowhere | {"error_code": Code.COORDINATOR_NOT_AVAILABLE, "error_message": None}
    host, port = context.site.address(broker, context.listener)
    return {"error_code": Code.NONE, "error_message": "", "node_id": broker, "host": host, "port": port}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    3: metadata,
    10: find_coordinator,
    18: api_versions,
    75: describe_topic_partitions,
}
