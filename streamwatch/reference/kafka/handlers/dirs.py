"""Log directories: what is in them, and replicas moved between those of one broker."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.partition import Partition

_NO_BYTES: Final = -1


def describe_log_dirs(context: Context) -> Reply:
    """Answer DescribeLogDirs, API 35: versions 1 to 5.

    Special: topics null (all); sizes -1 (of a directory that is offline; 4, KIP-827).
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed); directories that are being
    filled (future replicas); none is ever cordoned (5).
    """
    if not context.may_cluster(AclOperation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "results": []}
    asked = context.body.topics
    names = None if asked is None else {(t.topic, partition) for t in asked for partition in t.partitions}
    results = []
    for number, volume in enumerate(context.broker.dirs):
        if not volume.is_online:
            results.append(
                {
                    "error_code": Code.KAFKA_STORAGE_ERROR,
                    "log_dir": volume.path,
                    "topics": [],
                    "total_bytes": _NO_BYTES,
                    "usable_bytes": _NO_BYTES,
                }
            )
            continue
        held = (
            partition
            for partition in context.broker.partitions
            if partition.replicas[context.broker.id].dir == number and (names is None or partition.key in names)
        )
        results.append(
            {
                "error_code": Code.NONE,
                "log_dir": volume.path,
                "topics": _sizes(context.broker.id, held),
                "total_bytes": volume.capacity,
                "usable_bytes": volume.free,
            }
        )
    return {"error_code": Code.NONE, "results": results}


def _sizes(broker: int, partitions: Iterable[Partition]) -> list[dict[str, Any]]:
    topics: dict[str, list[dict[str, Any]]] = {}
    for partition in partitions:
        replica, leader = partition.replicas[broker], partition.leader
        lag = max(0, leader.high_watermark - replica.log.end) if leader is not None and leader is not replica else 0
        topics.setdefault(partition.topic.name, []).append(
            {
                "partition_index": partition.index,
                "partition_size": replica.log.size,
                "offset_lag": lag,
                "is_future_key": False,
            }
        )
    return [{"name": name, "partitions": rows} for name, rows in topics.items()]


def alter_replica_log_dirs(context: Context) -> Reply:
    """Answer AlterReplicaLogDirs, API 34: versions 1 to 2.

    Special: none: paths must be those of the broker's log directories.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed); a move takes no time, so
    there is never a future replica.
    """
    codes: dict[str, dict[int, Code]] = {}
    for asked in context.body.dirs:
        for topic in asked.topics:
            rows = {index: _moved(context, asked.path, topic.name, index) for index in topic.partitions}
            codes.setdefault(topic.name, {}).update(rows)
    return {
        "results": [
            {"topic_name": topic, "partitions": [{"partition_index": i, "error_code": one} for i, one in rows.items()]}
            for topic, rows in codes.items()
        ]
    }


def _moved(context: Context, path: str, topic: str, index: int) -> Code:
    if not context.may_cluster(AclOperation.ALTER):
        return Code.CLUSTER_AUTHORIZATION_FAILED
    numbers = {volume.path: number for number, volume in enumerate(context.broker.dirs)}
    if path not in numbers:
        return Code.LOG_DIR_NOT_FOUND
    partition = context.cluster.partition(topic, index)
    if partition is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    replica = partition.replicas.get(context.broker.id)
    if replica is None:
        return Code.REPLICA_NOT_AVAILABLE
    target = context.broker.dirs[numbers[path]]
    if not (target.is_online and replica.volume.is_online):
        return Code.KAFKA_STORAGE_ERROR
    replica.move(numbers[path], target)
    return Code.NONE


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {34: alter_replica_log_dirs, 35: describe_log_dirs}
