"""Metadata that was spoilt: what is walked from it is what is decoded from it, whole, or it is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.errors import SourceMisread
from streamwatch.sources.kafka.metadata import Metadata, MetadataReader, decode
from tests.sources.kafka.codec import kafka_answers as answers
from tests.sources.kafka.codec.test_metadata import assert_same


def read(body: bytes, version: int) -> Metadata | None:
    try:
        return MetadataReader().read(body, version)
    except SourceMisread:
        return None


def spoil(data: st.DataObject, body: bytes) -> bytes:
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt[data.draw(st.integers(4, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    return bytes(spoilt)


@pytest.mark.parametrize("version", [9, 10, 11, 12])
@given(data=st.data())
def test_an_answer_that_is_cut_short_is_refused(version: int, data: st.DataObject) -> None:
    body = data.draw(answers.metadata(version))

    assert read(body[: data.draw(st.integers(0, len(body) - 1))], version) is None


@pytest.mark.parametrize("version", [9, 12])
@given(data=st.data())
def test_spoilt_bytes_are_refused_or_read_whole_as_they_are_decoded(version: int, data: st.DataObject) -> None:
    spoilt = spoil(data, data.draw(answers.metadata(version)))
    found = read(spoilt, version)
    if found is None:
        return
    try:
        expected = decode(spoilt, version)
    except SourceMisread:
        return  # the classes are stricter: a name that is null, a flag that is neither 0 nor 1
    assert_same(found, expected)


@given(st.data())
def test_an_answer_after_a_spoilt_one_is_read_right(data: st.DataObject) -> None:
    """What was remembered of the last answer, or forgotten, changes nothing."""
    body = data.draw(answers.metadata(12))
    reader = MetadataReader()
    for one in (body, spoil(data, body), body, body[:-1], body):
        try:
            found = reader.read(one, 12)
        except SourceMisread:
            assert one != body
    assert_same(found, decode(body, 12))


@given(answers.metadata(12))
def test_the_topology_stays_the_same_object_while_the_topics_do(body: bytes) -> None:
    reader = MetadataReader()
    first = reader.read(body, 12).topology

    assert reader.read(bytes(bytearray(body)), 12).topology is first
    assert np.array_equal(reader.read(body, 12).topology.leader, decode(body, 12).topology.leader)
