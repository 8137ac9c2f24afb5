"""How tools see the cluster and the quorum of its controllers: DescribeCluster, DescribeQuorum."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.features import features_of
from streamwatch.reference.kafka.handlers.context import CLUSTER, NO_ID, Context, Reply, on_controller
from streamwatch.reference.kafka.handlers.metadata import brokers, controller_id
from streamwatch.reference.kafka.wire import Answer

_BROKERS, _CONTROLLERS = 1, 2
_QUORUM: Final = "__cluster_metadata"
_OBSERVED_SECONDS: Final = 300.0
_CONTROLLER_PORT: Final = 9000
"""What the quorum says of its nodes' ports, above which are their ids: nobody listens there."""


def describe_cluster(context: Context) -> Reply:
    """Answer DescribeCluster, API 60: versions 0 to 2.

    Special: endpoint type 1 (brokers; from 1 on, KIP-919), 2 (controllers): refused, for this is a broker.
    Left out: fenced brokers (2, KIP-1073) are not listed when asked for.
    """
    kind = context.body.endpoint_type if context.version >= 1 else _BROKERS
    if kind != _BROKERS:
        code, why = Code.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {kind}"
        if kind == _CONTROLLERS:
            code = Code.MISMATCHED_ENDPOINT_TYPE
            why = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
        return {"error_code": code, "error_message": why, "brokers": [], "cluster_id": "", "controller_id": -1}
    answer: dict[str, Any] = {
        "error_code": Code.NONE,
        "error_message": None,
        "cluster_id": context.cluster.spec.cluster_id,
        "controller_id": controller_id(context),
        "brokers": [
            {{"node_id": "broker_id"}.get(name, name): value for name, value in row.items()} for row in brokers(context)
        ],
    }
    if context.body.include_cluster_authorized_operations:
        answer["authorized_operations"] = context.operations(ResourceType.CLUSTER, CLUSTER)
    return answer


def describe_quorum(context: Context) -> Reply:
    """Answer DescribeQuorum, API 55: versions 0 to 2.

    Special: leader -1 (there is none); offset and times -1 (the controller has not heard of that replica).
    Left out: voters do not change (2, KIP-853): their directory ids are zero.
    """
    if not context.may_cluster(AclOperation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "topics": []}
    return on_controller(context, lambda now: _quorum(context, now))


def _quorum(context: Context, now: float) -> Answer:
    controller = context.cluster.controller
    end = controller.end(now)

    def member(number: int, lost: tuple[int, float] | None) -> dict[str, Any]:
        offset, seen = lost or (end, now)
        return {
            "replica_id": number,
            "replica_directory_id": NO_ID if number in controller.voters else _directory(context, number),
            "log_end_offset": offset,
            "last_fetch_timestamp": int(seen * 1000),
            "last_caught_up_timestamp": int(seen * 1000),
        }

    asked = [
        (topic.topic_name, partition.partition_index) for topic in context.body.topics for partition in topic.partitions
    ]
    if any(key != (_QUORUM, 0) for key in asked):
        return {"error_code": Code.NONE, "topics": _no_quorums(context)}
    if not asked:
        return {"error_code": Code.NONE, "topics": []}
    partition = {
        "partition_index": 0,
        "error_code": Code.NONE,
        "leader_id": -1 if controller.leader is None else controller.leader,
        "leader_epoch": controller.epoch,
        "high_watermark": end,
        "current_voters": [member(voter.id, voter.lost) for voter in controller.voters.values()],
        "observers": [
            member(broker.id, broker.lost) for broker in context.cluster.brokers.values() if _is_seen(broker.lost, now)
        ],
    }
    host = context.site.address(context.broker.id, context.listener)[0]
    nodes = [
        {"node_id": each, "listeners": [{"name": "CONTROLLER", "host": host, "port": _CONTROLLER_PORT + each}]}
        for each in controller.voters
    ]
    return {
        "error_code": Code.NONE,
        "topics": [{"topic_name": _QUORUM, "partitions": [partition]}],
        "nodes": nodes,
    }


def _is_seen(lost: tuple[int, float] | None, now: float) -> bool:
    """Whether an observer has fetched so lately that it is listed at all."""
    return lost is None or now - lost[1] < _OBSERVED_SECONDS


def _directory(context: Context, number: int) -> uuid.UUID:
    """Return the id of an observer's metadata directory; voters have none, for they do not change (kraft.version 0)."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{context.cluster.spec.cluster_id} {number}")


def _no_quorums(context: Context) -> list[dict[str, Any]]:
    nothing = {"leader_id": 0, "leader_epoch": 0, "high_watermark": 0, "current_voters": [], "observers": []}
    code = Code.UNKNOWN_TOPIC_OR_PARTITION
    return [
        {
            "topic_name": topic.topic_name,
            "partitions": [
                {"partition_index": partition.partition_index, "error_code": code, **nothing}
                for partition in topic.partitions
            ],
        }
        for topic in context.body.topics
    ]


def update_features(context: Context) -> Reply:
    """Answer UpdateFeatures, API 57: versions 0 to 2.

    Special: level 0 (disable).
    Left out: features stay as the release has them: a change is refused.
    """
    if not context.may_cluster(AclOperation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "results": []}
    for feature_update in context.body.feature_updates:
        code, why = _not_updated(context, feature_update.feature, feature_update.max_version_level)
        if code:
            message = f"The update failed for all features since the following feature had an error: {why}"
            return {"error_code": code, "error_message": message, "results": []}
    return {"error_code": Code.NONE, "error_message": None, "results": []}


def _not_updated(context: Context, name: str, level: int) -> tuple[Code, str]:
    known = {one.name: one for one in features_of(context.cluster.spec.release)}
    controller = f"Local controller {context.cluster.controller.leader}"
    wrong = f"Invalid update version {level} for feature {name}. {controller}"
    if name not in known:
        return Code.INVALID_UPDATE_VERSION, f"{wrong} does not support this feature."
    feature = known[name]
    if not feature.lowest <= level <= feature.highest:
        return Code.INVALID_UPDATE_VERSION, f"{wrong} only supports versions {feature.lowest}-{feature.highest}"
    if level != feature.level:
        return Code.FEATURE_UPDATE_FAILED, f"The features of a reference cluster stay: {name} is at {feature.level}."
    return Code.NONE, ""


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    55: describe_quorum,
    57: update_features,
    60: describe_cluster,
}
