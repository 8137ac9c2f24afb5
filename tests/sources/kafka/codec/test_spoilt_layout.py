"""A spoilt answer, walked afresh or read by the layout of a whole one: refused, or read as the message class does."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwatch.core.errors import SourceMisread
from streamwatch.sources.kafka.layout import UNWALKABLE, Layout, walk_commits, walk_log_dirs, walk_offsets
from tests.sources.kafka.codec import kafka_answers as answers
from tests.sources.kafka.codec.test_layout import Rows, commits, offsets, replicas, walked


def sizes_of(body: bytes) -> Layout:
    return walk_log_dirs(body, 4)[0]


KINDS: list[Any] = [
    pytest.param(
        answers.list_offsets(8), walk_offsets, lambda b: offsets(b, 8), ("partition", "error", "offset"), id="offsets"
    ),
    pytest.param(
        answers.offset_fetch(st.sampled_from(["", None])),
        walk_commits,
        commits,
        ("partition", "offset", "error"),
        id="commits",
    ),
    pytest.param(
        answers.describe_log_dirs(4),
        sizes_of,
        lambda b: replicas(b, 4),
        ("partition", "size", "future"),
        id="log_dirs",
    ),
]


def spoil(data: st.DataObject, body: bytes) -> bytes:
    """Change up to four bytes; at times, leave out the end."""
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    return bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))] if data.draw(st.booleans()) else spoilt)


@pytest.mark.parametrize(("drawn", "walk", "decode", "fields"), KINDS)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_spoilt_bytes_are_refused_or_read_as_they_are_decoded(
    drawn: st.SearchStrategy[bytes],
    walk: Callable[[bytes], Layout],
    decode: Callable[[bytes], Rows],
    fields: tuple[str, ...],
    data: st.DataObject,
) -> None:
    body, is_afresh = data.draw(drawn), data.draw(st.booleans())
    spoilt = spoil(data, body)
    try:
        layout = walk(spoilt if is_afresh else body)
    except UNWALKABLE:
        return
    if not is_afresh and layout.read(spoilt) is None:
        return
    try:
        expected = decode(spoilt)
    except (SourceMisread, TypeError):
        return  # the classes are stricter about flags and names, and give None for a list that is null
    rows = walked(layout, *fields)
    assert [(*row[:-1], bool(row[-1])) if "future" in fields else row for row in rows] == expected


@pytest.mark.parametrize(("drawn", "walk", "decode", "fields"), KINDS)
@given(data=st.data())
def test_an_answer_that_was_refused_leaves_the_layout_as_it_was(
    drawn: st.SearchStrategy[bytes],
    walk: Callable[[bytes], Layout],
    decode: Callable[[bytes], Rows],
    fields: tuple[str, ...],
    data: st.DataObject,
) -> None:
    body = data.draw(drawn)
    layout = walk(body)

    assert layout.read(body[: data.draw(st.integers(0, len(body) - 1))]) is None
    assert layout.read(body + b"\0") is None
    assert layout.read(bytes(bytearray(body))) is not None
    assert walked(layout, *fields) == decode(body)


@given(answers.list_offsets(8), st.integers(0, 2**31 - 1))
def test_another_throttle_time_does_not_disturb_a_layout(body: bytes, throttle: int) -> None:
    layout = walk_offsets(body)

    assert layout.read(struct.pack(">i", throttle) + body[4:]) is not None
    assert walked(layout, "partition", "error", "offset") == offsets(body, 8)
