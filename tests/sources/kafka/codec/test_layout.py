"""What is read in one go equals what the message classes decode, and nothing wrong is read from wrong bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.sources.kafka.apis import DESCRIBE_LOG_DIRS, LIST_OFFSETS, OFFSET_FETCH
from streamwatch.sources.kafka.layout import UNWALKABLE, Layout, walk_commits, walk_log_dirs, walk_offsets
from tests.sources.kafka.codec import kafka_answers as answers

Rows = list[tuple[Any, ...]]


def walked(layout: Layout, *fields: str) -> Rows:
    """Return each record with the owner and topic of its run."""
    names = [(run.owner, run.topic) for run in layout.runs for _ in range(run.count)]
    columns = zip(*(layout.records[field].tolist() for field in fields), strict=True)
    return [(*name, *row) for name, row in zip(names, columns, strict=True)]


def offsets(body: bytes, version: int) -> Rows:
    message = LIST_OFFSETS.decode(version, body)
    return [("", t.name, p.partition_index, p.error_code, p.offset) for t in message.topics for p in t.partitions]


def commits(body: bytes) -> Rows:
    return [
        (g.group_id, t.name, p.partition_index, p.committed_offset, p.error_code)
        for g in OFFSET_FETCH.decode(8, body).groups
        for t in g.topics
        for p in t.partitions
    ]


def replicas(body: bytes, version: int) -> Rows:
    return [
        (r.log_dir, t.name, p.partition_index, p.partition_size, int(p.is_future_key))
        for r in DESCRIBE_LOG_DIRS.decode(version, body).results
        for t in r.topics
        for p in t.partitions
    ]


@pytest.mark.parametrize("version", [6, 7, 8])
@given(data=st.data())
def test_offsets_are_walked_as_they_are_decoded(version: int, data: st.DataObject) -> None:
    body = data.draw(answers.list_offsets(version))

    assert walked(walk_offsets(body), "partition", "error", "offset") == offsets(body, version)


@given(answers.offset_fetch(st.sampled_from(["", None])))
def test_commits_are_walked_as_they_are_decoded(body: bytes) -> None:
    assert walked(walk_commits(body), "partition", "offset", "error") == commits(body)


@given(answers.offset_fetch(st.sampled_from(["", "words", None, "x" * 300])))
def test_commits_with_words_are_refused_or_right(body: bytes) -> None:
    try:
        layout = walk_commits(body)
    except UNWALKABLE:
        return
    assert walked(layout, "partition", "offset", "error") == commits(body)


@pytest.mark.parametrize("version", [2, 3, 4])
@given(data=st.data())
def test_log_dirs_are_walked_as_they_are_decoded(version: int, data: st.DataObject) -> None:
    body = data.draw(answers.describe_log_dirs(version))
    layout, volumes = walk_log_dirs(body, version)

    assert walked(layout, "partition", "size", "future") == replicas(body, version)
    told = [(r.log_dir, r.error_code) for r in DESCRIBE_LOG_DIRS.decode(version, body).results]
    assert [(volume.path, volume.error) for volume in volumes] == told
    if version >= 4:
        sizes = [(r.total_bytes, r.usable_bytes) for r in DESCRIBE_LOG_DIRS.decode(version, body).results]
        assert [volume.sizes(body) for volume in volumes] == sizes


@given(first=answers.list_offsets(7), second=answers.list_offsets(7))
def test_a_layout_reads_another_answer_right_or_not_at_all(first: bytes, second: bytes) -> None:
    layout = walk_offsets(first)
    if layout.read(second) is not None:
        assert walked(layout, "partition", "error", "offset") == offsets(second, 7)


@given(answers.list_offsets(7), st.data())
def test_a_layout_reads_new_offsets_of_the_same_partitions(body: bytes, data: st.DataObject) -> None:
    layout = walk_offsets(body)
    new = bytearray(body)
    for run in layout.runs:
        for i in range(run.count):
            at = run.at + 27 * i + 14
            new[at : at + 8] = data.draw(st.integers(0, 2**62)).to_bytes(8, "big")
    records = layout.read(bytes(new))

    assert records is not None
    assert walked(layout, "partition", "error", "offset") == offsets(bytes(new), 7)


@given(answers.list_offsets(7))
def test_the_same_answer_gives_the_same_array(body: bytes) -> None:
    layout = walk_offsets(body)

    assert layout.read(bytes(bytearray(body))) is layout.records
