"""What is written by hand equals what the message classes write; what they lack equals an independent codec."""

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from kio.index import load_payload_module
from kio.serial import entity_reader
from kio.static.constants import EntityType

from streamwatch.sources.kafka.apis import APIS, CONSUMER_GROUP_DESCRIBE, LIST_OFFSETS, negotiate
from streamwatch.sources.kafka.offsets import encode
from tests.codec import kafka_answers as answers
from tests.snapshots import topology

NAMES = answers.NAMES


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.integers(1, 200), max_size=4),
    st.sampled_from([0, 1]),
    st.data(),
)
def test_a_list_offsets_request_is_written_as_the_message_class_writes_it(
    sizes: dict[str, int], isolation: int, data: st.DataObject
) -> None:
    shape = topology({name: [(1, (1,), (1,))] * count for name, count in sizes.items()})
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, max(0, len(shape.partition) - 1))))), dtype=np.int64)
    rows = rows[rows < len(shape.partition)]
    times = {row: data.draw(st.sampled_from([-1, -2]) | st.integers(0, 2**63 - 1)) for row in rows.tolist()}
    classes = LIST_OFFSETS.request
    topics = []
    for index in np.unique(shape.topic[rows]).tolist():
        partitions = [
            classes.ListOffsetsTopic.ListOffsetsPartition(
                version=7, partition_index=int(shape.partition[row]), current_leader_epoch=-1, timestamp=times[row]
            )
            for row in rows[shape.topic[rows] == index].tolist()
        ]
        topics.append(classes.ListOffsetsTopic(version=7, name=shape.topics[index], partitions=partitions))

    timestamps = np.array(list(times.values()), dtype=np.int64)
    expected = LIST_OFFSETS.encode(7, replica_id=-1, isolation_level=isolation, topics=topics)
    assert encode(shape, rows, timestamps, isolation) == expected


@st.composite
def described(draw: st.DrawFn, version: int) -> tuple[Any, bytes]:
    """Draw a ConsumerGroupDescribe answer; return it and its bytes."""
    k = answers.module(69, version)

    def assignment() -> Any:
        topics = [
            k.TopicPartitions(
                topic_id=uuid.UUID(int=draw(st.integers(1, 2**100))),
                topic_name=name,
                partitions=tuple(draw(st.lists(answers.IDS, max_size=3))),
            )
            for name in draw(st.lists(NAMES, max_size=2))
        ]
        return k.Assignment(topic_partitions=tuple(topics))

    def member() -> Any:
        newer = {"member_type": draw(st.sampled_from([-1, 0, 1]))} if version >= 1 else {}
        return k.Member(
            member_id=draw(NAMES),
            instance_id=draw(st.none() | NAMES),
            rack_id=draw(st.none() | NAMES),
            member_epoch=draw(answers.IDS),
            client_id=draw(NAMES),
            client_host=draw(NAMES),
            subscribed_topic_names=tuple(draw(st.lists(NAMES, max_size=2))),
            subscribed_topic_regex=draw(st.none() | NAMES),
            assignment=assignment(),
            target_assignment=assignment(),
            **newer,
        )

    groups = tuple(
        k.DescribedGroup(
            error_code=k.ErrorCode(draw(st.sampled_from([0, 16, 69]))),
            error_message=draw(st.none() | NAMES),
            group_id=draw(NAMES),
            group_state="Stable",
            group_epoch=1,
            assignment_epoch=2,
            assignor_name="uniform",
            members=tuple(member() for _ in range(draw(st.integers(0, 2)))),
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    answer = k.ConsumerGroupDescribeResponse(throttle_time=timedelta(0), groups=groups)
    return answer, answers.write(answer)


@given(st.sampled_from([0, 1]), st.data())
def test_our_schema_of_consumer_group_describe_reads_what_an_independent_codec_writes(
    version: int, data: st.DataObject
) -> None:
    answer, body = data.draw(described(version))
    message = CONSUMER_GROUP_DESCRIBE.decode(version, body)

    def held(assignment: Any) -> list[tuple[str, list[int]]]:
        return [(t.topic_name, list(t.partitions)) for t in assignment.topic_partitions]

    for ours, theirs in zip(message.groups, answer.groups, strict=True):
        assert (ours.group_id, ours.error_code, ours.error_message) == (
            theirs.group_id,
            theirs.error_code.value,
            theirs.error_message,
        )
        for one, other in zip(ours.members, theirs.members, strict=True):
            assert (one.member_id, one.instance_id, one.client_host) == (
                other.member_id,
                other.instance_id,
                other.client_host,
            )
            assert list(one.subscribed_topic_names) == list(other.subscribed_topic_names)
            assert held(one.assignment) == held(other.assignment)
            assert held(one.target_assignment) == held(other.target_assignment)
    assert len(message.groups) == len(answer.groups)


@given(st.sampled_from([0, 1]), st.lists(NAMES, max_size=4))
def test_our_schema_writes_a_request_that_an_independent_codec_reads(version: int, names: list[str]) -> None:
    body = CONSUMER_GROUP_DESCRIBE.encode(version, group_ids=names, include_authorized_operations=False)
    classes = load_payload_module(69, version, EntityType.request)
    request, read = entity_reader(classes.ConsumerGroupDescribeRequest)(body, 0)

    assert list(request.group_ids) == names
    assert read == len(body)


def test_versions_are_negotiated_to_the_highest_that_both_speak() -> None:
    offered = {3: (0, 10), 2: (1, 11), 9: (1, 5), 55: (0, 2)}

    assert negotiate(offered) == {3: 10, 2: 8, 55: 1}


def test_every_api_speaks_versions_that_its_classes_know() -> None:
    for api in APIS:
        assert api.request.API_KEY == api.response.API_KEY == api.key
        assert api.highest <= min(api.request.max_version, api.response.max_version)
