"""Answers as a broker writes them, by an independent codec (kio): the oracle for ours."""

import io
import uuid
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from kio.index import load_payload_module
from kio.serial import entity_writer
from kio.static.constants import EntityType

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)
IDS = st.integers(0, 2**31 - 1)
OFFSETS = st.integers(-1, 2**62)
CODES = st.sampled_from([0, 0, 0, 3, 6, 16, 29])


def module(key: int, version: int) -> Any:
    """Return kio's classes for an answer."""
    return load_payload_module(key, version, EntityType.response)


def write(entity: Any) -> bytes:
    """Return an answer's bytes, without a header."""
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


def error(classes: Any, code: int) -> Any:
    return classes.ErrorCode(code)


@st.composite
def list_offsets(draw: st.DrawFn, version: int) -> bytes:
    """Draw a ListOffsets answer."""
    k = module(2, version)
    topics = []
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        partitions = draw(st.lists(st.tuples(IDS, CODES, OFFSETS), max_size=5))
        found = tuple(
            k.ListOffsetsPartitionResponse(
                partition_index=index,
                error_code=error(k, code),
                timestamp=1_700_000_000_000,
                offset=offset,
                leader_epoch=3,
            )
            for index, code, offset in partitions
        )
        topics.append(k.ListOffsetsTopicResponse(name=name, partitions=found))
    return write(
        k.ListOffsetsResponse(throttle_time=timedelta(milliseconds=draw(st.integers(0, 9))), topics=tuple(topics))
    )


@st.composite
def offset_fetch(draw: st.DrawFn, words: st.SearchStrategy[str | None]) -> bytes:
    """Draw an OffsetFetch answer, v8, whose commits carry this metadata."""
    k = module(9, 8)
    groups = []
    for group in draw(st.lists(NAMES, max_size=3, unique=True)):
        topics = []
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            rows = draw(st.lists(st.tuples(IDS, OFFSETS, words, CODES), max_size=4))
            found = tuple(
                k.OffsetFetchResponsePartitions(
                    partition_index=i, committed_offset=o, committed_leader_epoch=-1, metadata=m, error_code=error(k, c)
                )
                for i, o, m, c in rows
            )
            topics.append(k.OffsetFetchResponseTopics(name=name, partitions=found))
        groups.append(k.OffsetFetchResponseGroup(group_id=group, topics=tuple(topics), error_code=error(k, 0)))
    return write(k.OffsetFetchResponse(throttle_time=timedelta(0), groups=tuple(groups)))


@st.composite
def describe_log_dirs(draw: st.DrawFn, version: int) -> bytes:
    """Draw a DescribeLogDirs answer."""
    k = module(35, version)
    results = []
    for path in draw(st.lists(NAMES, max_size=3, unique=True)):
        topics = []
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            rows = draw(st.lists(st.tuples(IDS, OFFSETS, st.booleans()), max_size=4))
            found = tuple(
                k.DescribeLogDirsPartition(partition_index=i, partition_size=s, offset_lag=0, is_future_key=f)
                for i, s, f in rows
            )
            topics.append(k.DescribeLogDirsTopic(name=name, partitions=found))
        sizes = {"total_bytes": draw(OFFSETS), "usable_bytes": draw(OFFSETS)} if version >= 4 else {}
        results.append(
            k.DescribeLogDirsResult(error_code=error(k, draw(CODES)), log_dir=path, topics=tuple(topics), **sizes)
        )
    top = {"error_code": error(k, 0)} if version >= 3 else {}
    return write(k.DescribeLogDirsResponse(throttle_time=timedelta(0), results=tuple(results), **top))


@st.composite
def metadata(draw: st.DrawFn, version: int, *, mixed: bool = True, bare: bool = False) -> bytes:
    """Draw a Metadata answer; with ``mixed``, some replicas are out of sync and some partitions have no leader.

    With ``bare``, some partitions have no replicas.
    """
    k = module(3, version)
    nodes = draw(st.lists(st.integers(0, 300), min_size=1, max_size=5, unique=True))
    topics = []
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        factor = draw(st.integers(1, len(nodes)))
        found = []
        for index in draw(st.permutations(range(draw(st.integers(1, 6))))):
            replicas = () if bare and draw(st.booleans()) else tuple(draw(st.permutations(nodes))[:factor])
            isr = tuple(r for r in replicas if not mixed or draw(st.booleans()))
            found.append(
                k.MetadataResponsePartition(
                    error_code=error(k, 0 if isr else 5),
                    partition_index=index,
                    leader_id=isr[0] if isr else -1,
                    leader_epoch=4,
                    replica_nodes=replicas,
                    isr_nodes=isr,
                    offline_replicas=tuple(r for r in replicas if r not in isr),
                )
            )
        ids = {"topic_id": uuid.UUID(int=draw(st.integers(1, 2**100)))} if version >= 10 else {}
        topics.append(
            k.MetadataResponseTopic(
                error_code=error(k, 0), name=name, is_internal=draw(st.booleans()), partitions=tuple(found), **ids
            )
        )
    brokers = tuple(
        k.MetadataResponseBroker(
            node_id=n, host=draw(NAMES), port=draw(st.integers(0, 65535)), rack=draw(st.none() | NAMES)
        )
        for n in nodes
    )
    return write(
        k.MetadataResponse(
            throttle_time=timedelta(0), brokers=brokers, cluster_id=draw(st.none() | NAMES),
            controller_id=draw(st.sampled_from(nodes)), topics=tuple(topics),
        )
    )  # fmt: skip
