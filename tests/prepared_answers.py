"""What a prepared broker answers to each API, by kafka-python's message classes."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

from streamwatch.sources.kafka import apis

if TYPE_CHECKING:
    from tests.prepared import Fault, Truth

Message = Any
Answer = Callable[["Truth", "Fault", int, int, Message], Message]

LATEST, EARLIEST, LARGEST = -1, -2, -3
NOT_LEADER, NOT_COORDINATOR, CLUSTER_DENIED, GROUP_NOT_FOUND = 6, 16, 31, 69


def offered(truth: "Truth") -> dict[int, tuple[int, int]]:
    """Return the versions that are offered, by API key: those of a release of Kafka, but for what is missing."""
    table = {int(key): span for key, span in BROKER_API_VERSIONS[truth.release].items()}
    if truth.release >= (4, 0):
        table[apis.CONSUMER_GROUP_DESCRIBE.key] = (0, 1)
    table |= dict.fromkeys(truth.more, (0, 0))
    missing = {api.key for api in apis.APIS if api.name in truth.missing}
    return {key: span for key, span in table.items() if key not in missing}


def api_versions(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.API_VERSIONS.response
    spans = offered(truth).items()
    keys = [classes.ApiVersion(version=version, api_key=k, min_version=a, max_version=b) for k, (a, b) in spans]
    level = _LEVELS.get(truth.release)
    if level is None or version < 3:
        return classes(version=version, error_code=0, api_keys=keys)
    name = "metadata.version"
    return classes(
        version=version, error_code=0, api_keys=keys, finalized_features_epoch=truth.features_epoch,
        supported_features=[classes.SupportedFeatureKey(version=version, name=name, min_version=1, max_version=level)],
        finalized_features=[
            classes.FinalizedFeatureKey(version=version, name=name, max_version_level=truth.metadata_level or level,
                                        min_version_level=1)
        ],
    )  # fmt: skip


_LEVELS = {(3, 3): 7, (3, 9): 21, (4, 0): 25, (4, 1): 27, (4, 3): 30}
"""The metadata version that a release knows."""


def metadata(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.METADATA.response
    topic = classes.MetadataResponseTopic
    brokers = [
        classes.MetadataResponseBroker(version=version, node_id=b, host="127.0.0.1", port=truth.ports[b], rack=None)
        for b in truth.brokers
    ]
    names = sorted(truth.topics) if asked.topics is None else []

    def partition(name: str, number: int) -> Message:
        first = truth.brokers.index(truth.leads(name, number)) if truth.leads(name, number) in truth.brokers else 0
        replicas = [truth.brokers[(first + i) % len(truth.brokers)] for i in range(truth.replication)]
        return topic.MetadataResponsePartition(
            version=version, error_code=0, partition_index=number, leader_id=truth.leads(name, number), leader_epoch=0,
            replica_nodes=replicas, isr_nodes=replicas, offline_replicas=[],
        )  # fmt: skip

    topics = [
        topic(
            version=version, error_code=_code(truth, fault, f"Metadata {name}"), name=name, is_internal=False,
            topic_id=uuid.UUID(int=truth.ids.get(name, 0)),
            partitions=[partition(name, p) for p in range(truth.topics[name])],
        )
        for name in names
    ]  # fmt: skip
    controller = broker if truth.controller_id is None else truth.controller_id
    return classes(
        version=version, brokers=brokers, cluster_id=truth.cluster_id, controller_id=controller, topics=topics
    )


def describe_quorum(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.DESCRIBE_QUORUM.response
    if "DescribeQuorum" in truth.denied:
        return classes(version=version, error_code=CLUSTER_DENIED, topics=[])
    if not truth.controller:
        return None
    if code := _code(truth, fault, "DescribeQuorum"):
        return classes(version=version, error_code=code, topics=[])
    data = classes.TopicData
    partition = data.PartitionData(
        version=version, partition_index=0, error_code=_code(truth, fault, "DescribeQuorum partition"),
        leader_id=truth.quorum_leader, leader_epoch=1, high_watermark=1,
        current_voters=[_replica(data.PartitionData, version, truth.quorum_leader)],
        observers=[_replica(data.PartitionData, version, each) for each in truth.brokers],
    )  # fmt: skip
    topic = data(version=version, topic_name="__cluster_metadata", partitions=[partition])
    return classes(version=version, error_code=0, topics=[topic])


def _replica(classes: Any, version: int, number: int) -> Message:
    times = {"last_fetch_timestamp": 5000, "last_caught_up_timestamp": 5000} if version else {}
    return classes.ReplicaState(version=version, replica_id=number, log_end_offset=1, **times)


def list_groups(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.LIST_GROUPS.response
    everyone = [*truth.commits, *truth.share]
    names = [n for n in everyone if broker in truth.listed_by.get(n, (truth.coordinates(n),))]
    groups = [
        classes.ListedGroup(
            version=version, group_id=name, protocol_type="consumer", group_state="Empty",
            group_type=truth.type_of(name),
        )
        for name in names
    ]  # fmt: skip
    if code := _code(truth, fault, "ListGroups"):
        return classes(version=version, error_code=code, groups=[])
    return classes(version=version, error_code=0, groups=groups)


def describe_groups(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.DESCRIBE_GROUPS.response

    def members(name: str) -> list[Message]:
        member = {"member_id": "m", "group_instance_id": None, "client_id": "c", "client_host": truth.members.get(name)}
        found = classes.DescribedGroup.DescribedGroupMember(version=version, **member)
        return [found] if name in truth.members else []

    def group(name: str) -> Message:
        code = _code(truth, fault, "DescribeGroups") or group_code(truth, fault, broker, name)
        return classes.DescribedGroup(
            version=version, error_code=code, group_id=name, group_state="" if code else "Empty",
            protocol_type="consumer", protocol_data="", members=[] if code else members(name),
        )  # fmt: skip

    return classes(version=version, groups=[group(name) for name in asked.groups])


def consumer_group_describe(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.CONSUMER_GROUP_DESCRIBE.response

    def group(name: str) -> Message:
        code = _code(truth, fault, "ConsumerGroupDescribe") or group_code(truth, fault, broker, name)
        return classes.DescribedGroup(
            version=version, error_code=code, group_id=name, group_state="Empty", group_epoch=1, assignment_epoch=1,
            assignor_name="uniform", members=[],
        )  # fmt: skip

    return classes(version=version, groups=[group(name) for name in asked.group_ids])


def find_coordinator(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.FIND_COORDINATOR.response

    def where(name: str) -> dict[str, Any]:
        node = truth.coordinates(name)
        code = _code(truth, fault, "FindCoordinator")
        return {"node_id": -1 if code else node, "host": "", "port": truth.ports[node], "error_code": code}

    if version < 4:
        return classes(version=version, **where(asked.key))
    found = [classes.Coordinator(version=version, key=name, **where(name)) for name in asked.coordinator_keys]
    return classes(version=version, coordinators=found)


def offset_fetch(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.OFFSET_FETCH.response
    many = version >= 8
    kind = classes.OffsetFetchResponseGroup if many else classes
    topic_kind = kind.OffsetFetchResponseTopics if many else classes.OffsetFetchResponseTopic
    row_kind = topic_kind.OffsetFetchResponsePartitions if many else topic_kind.OffsetFetchResponsePartition

    def topics(name: str) -> list[Message]:
        rows: dict[str, list[Message]] = {}
        for (topic, partition), offset in truth.commits.get(name, {}).items():
            row = row_kind(
                version=version, partition_index=partition, committed_offset=offset, committed_leader_epoch=-1,
                metadata=truth.words, error_code=_code(truth, fault, "OffsetFetch partition"),
            )  # fmt: skip
            rows.setdefault(topic, []).append(row)
        return [topic_kind(version=version, name=topic, partitions=found) for topic, found in rows.items()]

    def group(name: str) -> dict[str, Any]:
        code = _code(truth, fault, "OffsetFetch") or group_code(truth, fault, broker, name)
        return {"error_code": code, "topics": [] if code else topics(name)}

    if not many:
        return classes(version=version, **group(asked.group_id))
    groups = [kind(version=version, group_id=g.group_id, **group(g.group_id)) for g in asked.groups]
    return classes(version=version, groups=groups)


def list_offsets(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.LIST_OFFSETS.response.ListOffsetsTopicResponse

    def row(topic: str, partition: int, timestamp: int) -> Message:
        mine = truth.leads(topic, partition) == broker
        offset, at = _offset(truth, (topic, partition), timestamp, asked.isolation_level) if mine else (-1, -1)
        code = _code(truth, fault, "ListOffsets") or (0 if mine else NOT_LEADER)
        return classes.ListOffsetsPartitionResponse(
            version=version, partition_index=partition, error_code=code, timestamp=-1 if code else at,
            offset=-1 if code else offset, leader_epoch=0,
        )  # fmt: skip

    topics = [
        classes(
            version=version,
            name=topic.name,
            partitions=[row(topic.name, p.partition_index, p.timestamp) for p in topic.partitions],
        )
        for topic in asked.topics
    ]
    return apis.LIST_OFFSETS.response(version=version, topics=topics)


def _offset(truth: "Truth", key: tuple[str, int], timestamp: int, isolation: int) -> tuple[int, int]:
    """Return offset and timestamp: the end, the start, the youngest record, or the first that is not older."""
    end, start = truth.end.get(key, 100), truth.start.get(key, 0)
    if timestamp == LATEST:
        return (truth.stable.get(key, end) if isolation else end, -1)
    if timestamp == EARLIEST:
        return (start, -1)
    records = sorted(truth.written.get(key, {}).items())
    if timestamp == LARGEST:
        return max((one for one in records if start <= one[0] < end), key=lambda one: one[1], default=(-1, -1))
    return next(((offset, at) for offset, at in records if at >= timestamp and start <= offset < end), (-1, -1))


def describe_log_dirs(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.DESCRIBE_LOG_DIRS.response
    result = classes.DescribeLogDirsResult
    topic = result.DescribeLogDirsTopic
    if "DescribeLogDirs" in truth.denied:
        return classes(version=version, error_code=CLUSTER_DENIED, results=[])
    if code := _code(truth, fault, "DescribeLogDirs"):
        return classes(version=version, error_code=code, results=[])
    names = set(truth.topics if asked.topics is None else [t.topic for t in asked.topics])
    plain = {(name, p): 1000 for name in names for p in range(truth.topics[name])}
    found = []
    for path, error, total, usable, held in truth.log_dirs.get(broker, [("/data", 0, 10**9, 10**8, plain)]):
        sizes = {"total_bytes": total, "usable_bytes": usable} if version >= 4 else {}
        code = error or _code(truth, fault, "DescribeLogDirs directory")
        by_topic: dict[str, list[Message]] = {}
        for (name, p), size in sorted(held.items()):
            row = topic.DescribeLogDirsPartition(
                version=version, partition_index=p, partition_size=size, offset_lag=0, is_future_key=False
            )
            by_topic.setdefault(name, []).append(row)
        topics = [topic(version=version, name=name, partitions=rows) for name, rows in by_topic.items()]
        found.append(result(version=version, error_code=code, log_dir=path, topics=[] if code else topics, **sizes))
    return classes(version=version, error_code=0, results=found)


def list_reassignments(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    code = _code(truth, fault, "ListPartitionReassignments")
    return apis.LIST_REASSIGNMENTS.response(version=version, error_code=code, error_message=None, topics=[])


def describe_configs(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.DESCRIBE_CONFIGS.response
    result = classes.DescribeConfigsResult
    values = {
        "min.insync.replicas": "2", "retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "compact",
    } | truth.settings_on.get(broker, {})  # fmt: skip
    configs = [
        result.DescribeConfigsResourceResult(
            version=version, name=name, value=value, read_only=False, config_source=1, is_sensitive=False,
            synonyms=[], config_type=1, documentation=None,
        )
        for name, value in values.items()
    ]  # fmt: skip
    code = _code(truth, fault, "DescribeConfigs")
    results = [
        result(version=version, error_code=code, error_message=None, resource_type=2, resource_name=r.resource_name,
               configs=[] if code else configs)
        for r in asked.resources
    ]  # fmt: skip
    return classes(version=version, results=results)


def _code(truth: "Truth", fault: "Fault", api: str) -> int:
    return fault.codes.get(api, truth.codes.get(api, 0))


def group_code(truth: "Truth", fault: "Fault", broker: int, name: str) -> int:
    if truth.coordinates(name) != broker:
        return NOT_COORDINATOR
    if name in fault.moved_once:
        fault.moved_once.discard(name)
        return NOT_COORDINATOR
    return 0 if name in truth.commits or name in truth.share else GROUP_NOT_FOUND


ANSWERS: dict[str, Answer] = {
    "ApiVersions": api_versions,
    "Metadata": metadata,
    "DescribeQuorum": describe_quorum,
    "ListGroups": list_groups,
    "DescribeGroups": describe_groups,
    "ConsumerGroupDescribe": consumer_group_describe,
    "FindCoordinator": find_coordinator,
    "OffsetFetch": offset_fetch,
    "ListOffsets": list_offsets,
    "DescribeLogDirs": describe_log_dirs,
    "ListPartitionReassignments": list_reassignments,
    "DescribeConfigs": describe_configs,
}
