"""The walk over a Metadata answer equals the message class's decoding, and unchanged topics keep their object."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.serial import entity_reader

from streamwatch.model.kafka import NO_ID
from streamwatch.sources.kafka.metadata import Metadata, MetadataReader, decode
from tests.sources.kafka.codec import kafka_answers as answers

COLUMNS = ("internal", "topic_start", "topic", "partition", "leader", "replica_start", "replica", "in_sync")


def assert_same(one: Metadata, other: Metadata) -> None:
    assert (one.brokers, one.cluster_id, one.controller_id) == (other.brokers, other.cluster_id, other.controller_id)
    assert one.topology.topics == other.topology.topics
    assert one.topology.topic_ids == other.topology.topic_ids
    assert len(one.topology.topic_ids) == len(one.topology.topics)
    assert one.problems == other.problems
    for column in COLUMNS:
        ours, theirs = getattr(one.topology, column), getattr(other.topology, column)
        assert ours.dtype == theirs.dtype, column
        assert np.array_equal(ours, theirs), column


@pytest.mark.parametrize("version", [9, 10, 11, 12])
@pytest.mark.parametrize("mixed", [True, False])
@given(data=st.data())
def test_an_answer_is_walked_as_it_is_decoded(version: int, mixed: bool, data: st.DataObject) -> None:  # noqa: FBT001
    body = data.draw(answers.metadata(version, mixed=mixed))
    reader = MetadataReader()
    found = reader.read(body, version)

    assert reader._digest is not None, "walked, not decoded"
    assert_same(found, decode(body, version))
    assert (set(found.topology.topic_ids) == {NO_ID}) == (version < 10) or not found.topology.topics


@pytest.mark.parametrize("version", [9, 12])
@given(data=st.data())
def test_names_that_are_no_utf8_are_left_out_alike(version: int, data: st.DataObject) -> None:
    body = data.draw(answers.metadata(version))
    names = decode(body, version).topology.topics
    if not names:
        return
    odd = data.draw(st.sampled_from(names)).encode()
    spoilt = body.replace(bytes([len(odd) + 1]) + odd, bytes([len(odd) + 1]) + b"\xff" * len(odd))
    reader = MetadataReader()
    found = reader.read(spoilt, version)

    assert reader._digest is not None, "walked, not decoded"
    assert_same(found, decode(spoilt, version))


@pytest.mark.parametrize("version", [9, 12])
@given(data=st.data())
def test_topics_with_a_partition_without_replicas_are_left_out_alike(version: int, data: st.DataObject) -> None:
    body = data.draw(answers.metadata(version, bare=True))
    reader = MetadataReader()
    found = reader.read(body, version)

    assert reader._digest is not None, "walked, not decoded"
    assert_same(found, decode(body, version))
    answer, _ = entity_reader(answers.module(3, version).MetadataResponse)(body, 0)
    bare = {one.name for one in answer.topics if not all(part.replica_nodes for part in one.partitions)}
    assert set(found.topology.topics) == {one.name for one in answer.topics} - bare
    assert [(one.reason, one.count) for one in found.problems] == ([("misread", len(bare))] if bare else [])


@given(answers.metadata(12))
def test_rows_find_each_partition_and_nothing_else(body: bytes) -> None:
    topology = MetadataReader().read(body, 12).topology
    rows = topology.rows(topology.topic.astype(np.int64), topology.partition.astype(np.int64))

    assert rows.tolist() == list(range(len(topology.partition)))
    assert topology.rows(np.array([0, -1]), np.array([10_000, 0])).tolist() == [-1, -1]


@given(answers.metadata(12), st.binary(min_size=4, max_size=4))
def test_the_topology_stays_the_same_object_whichever_broker_is_the_controller(body: bytes, controller: bytes) -> None:
    message = decode(body, 12)
    reader = MetadataReader()
    first = reader.read(body, 12).topology
    at = _end_of_brokers(message)
    other = reader.read(body[:at] + controller + body[at + 4 :], 12)

    assert other.topology is first
    assert other.controller_id == int.from_bytes(controller, "big", signed=True)


def _end_of_brokers(message: Any) -> int:
    """Return where the controller's id stands: after the last broker and the cluster's id."""
    end = 5
    for broker in message.brokers:
        end += 4 + 1 + len(broker.host.encode()) + 4 + 1 + len((broker.rack or "").encode()) + 1
    return end + 1 + len((message.cluster_id or "").encode())


def test_a_cluster_without_topics_has_an_empty_topology() -> None:
    k = answers.module(3, 12)
    empty = k.MetadataResponse(throttle_time=timedelta(0), brokers=(), cluster_id=None, controller_id=-1, topics=())
    found = MetadataReader().read(answers.write(empty), 12)

    assert found.topology.topics == ()
    assert found.topology.topic_start.tolist() == [0]
