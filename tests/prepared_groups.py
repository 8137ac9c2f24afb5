"""What a prepared broker answers about share groups and groups of Kafka Streams."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamwatch.sources.kafka import apis
from tests.prepared_answers import Answer, Message, group_code

if TYPE_CHECKING:
    from tests.prepared import Fault, Truth

NOT_LEADER = 6
_ID = uuid.UUID(int=1)


def by_topic(keys: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, partition in keys:
        found.setdefault(topic, []).append(partition)
    return found


def share_group_describe(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    """Each group has a member that holds everything, and one that asks for the same and holds nothing."""
    classes = apis.SHARE_GROUP_DESCRIBE.response
    kind = classes.DescribedGroup

    def group(name: str) -> Message:
        code = truth.codes.get("ShareGroupDescribe") or group_code(truth, fault, broker, name)
        topics = by_topic(truth.share.get(name, {}))
        held = [
            kind.Member.Assignment.TopicPartitions(version=version, topic_id=_ID, topic_name=topic, partitions=numbers)
            for topic, numbers in topics.items()
        ]
        members = [
            kind.Member(
                version=version, member_id=f"member-{n}", rack_id=None, member_epoch=1, client_id="client",
                client_host="/127.0.0.1", subscribed_topic_names=list(topics),
                assignment=kind.Member.Assignment(version=version, topic_partitions=own),
            )
            for n, own in enumerate((held, []))
        ]  # fmt: skip
        return kind(
            version=version, error_code=code, group_id=name, group_state="" if code else "Stable", group_epoch=1,
            assignment_epoch=1, assignor_name="simple", members=[] if code else members,
        )  # fmt: skip

    return classes(version=version, groups=[group(name) for name in asked.group_ids])


def describe_share_group_offsets(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    classes = apis.SHARE_OFFSETS.response
    kind = classes.DescribeShareGroupOffsetsResponseGroup
    topic_kind = kind.DescribeShareGroupOffsetsResponseTopic
    row_kind = topic_kind.DescribeShareGroupOffsetsResponsePartition

    def row(name: str, topic: str, partition: int) -> Message:
        start, left = truth.share[name][topic, partition]
        wrong = (topic, partition) in truth.unreadable
        return row_kind(
            version=version, partition_index=partition, start_offset=-1 if wrong else start, leader_epoch=0,
            lag=-1 if wrong else left, error_code=NOT_LEADER if wrong else 0, error_message=None,
        )  # fmt: skip

    def group(name: str) -> Message:
        code = group_code(truth, fault, broker, name)
        topics = [
            topic_kind(
                version=version, topic_name=topic, topic_id=_ID, partitions=[row(name, topic, n) for n in numbers]
            )
            for topic, numbers in by_topic(truth.share.get(name, {})).items()
        ]
        return kind(version=version, group_id=name, topics=[] if code else topics, error_code=code, error_message=None)

    return classes(version=version, groups=[group(wanted.group_id) for wanted in asked.groups])


def streams_group_describe(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:
    """Each group has one subtopology, of a topic of others and one of its own, and one member with all its tasks."""
    classes = apis.STREAMS_GROUP_DESCRIBE.response
    kind = classes.DescribedGroup

    def topology(name: str) -> Message:
        first, *others = sorted(by_topic(truth.commits[name]))
        part = kind.Topology.Subtopology
        own = [
            part.TopicInfo(version=version, name=topic, partitions=0, replication_factor=0, topic_configs=[])
            for topic in others
        ]
        subtopology = part(
            version=version, subtopology_id="0", source_topics=[first], repartition_sink_topics=[],
            state_changelog_topics=[], repartition_source_topics=own,
        )  # fmt: skip
        return kind.Topology(version=version, epoch=0, subtopologies=[subtopology])

    def assignment(partitions: Iterable[int]) -> Message:
        tasks = kind.Member.Assignment.TaskIds(version=version, subtopology_id="0", partitions=sorted(partitions))
        return kind.Member.Assignment(version=version, active_tasks=[tasks], standby_tasks=[], warmup_tasks=[])

    def group(name: str) -> Message:
        code = truth.codes.get("StreamsGroupDescribe") or group_code(truth, fault, broker, name)
        held = assignment({partition for _, partition in truth.commits.get(name, {})})
        member = kind.Member(
            version=version, member_id="member", member_epoch=1, instance_id=None, rack_id=None, client_id="client",
            client_host="/127.0.0.1", topology_epoch=0, process_id="process", user_endpoint=None, client_tags=[],
            task_offsets=[], task_end_offsets=[], assignment=held, target_assignment=held, is_classic=False,
        )  # fmt: skip
        return kind(
            version=version, error_code=code, group_id=name, group_state="" if code else "Stable", group_epoch=1,
            assignment_epoch=1, topology=None if code else topology(name), members=[] if code else [member],
        )  # fmt: skip

    return classes(version=version, groups=[group(name) for name in asked.group_ids])


GROUP_ANSWERS: dict[str, Answer] = {
    "ShareGroupDescribe": share_group_describe,
    "DescribeShareGroupOffsets": describe_share_group_offsets,
    "StreamsGroupDescribe": streams_group_describe,
}
