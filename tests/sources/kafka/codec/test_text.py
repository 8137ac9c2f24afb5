"""Strings that are no UTF-8 are read with their odd bytes written out, and everything else as it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.errors import SourceMisread
from streamwatch.sources.kafka.apis import LIST_GROUPS, METADATA, KafkaApi
from streamwatch.sources.kafka.text import decode_readable, readable
from tests.sources.kafka.codec import kafka_answers as answers


def listed(version: int, *names: str) -> bytes:
    """Return an answer of ListGroups about these groups."""
    group = LIST_GROUPS.response.ListedGroup
    groups = [group(version=version, group_id=n, protocol_type="", group_state="", group_type="") for n in names]
    return bytes(LIST_GROUPS.response(version=version, error_code=0, groups=groups).encode())


@given(st.binary(max_size=30))
def test_any_bytes_are_readable_and_known_for_what_they_are(data: bytes) -> None:
    text, is_utf8 = readable(data)
    assert (text.encode() == data) is is_utf8


@pytest.mark.parametrize("version", [3, 4, 5])
def test_one_odd_name_costs_itself_only(version: int) -> None:
    body = listed(version, "before", "strange", "after").replace(b"strange", b"str\xffnge")
    message, odd = LIST_GROUPS.decode_names(version, body)

    assert [group.group_id for group in message.groups] == ["before", r"str\xffnge", "after"]
    assert odd == {r"str\xffnge"}
    assert [group.group_id for group in LIST_GROUPS.decode(version, body).groups][1] == r"str\xffnge"


@given(answers.metadata(12))
def test_what_is_utf8_is_decoded_the_same_either_way(body: bytes) -> None:
    message, odd = decode_readable(METADATA.response, 12, body)
    assert repr(message) == repr(METADATA.decode(12, body))
    assert odd == frozenset()


@pytest.mark.parametrize("api", [LIST_GROUPS, METADATA], ids=lambda api: api.name)
@given(data=st.binary(max_size=60))
def test_nonsense_stays_nonsense(api: KafkaApi, data: bytes) -> None:
    found: Any
    try:
        found, odd = api.decode_names(api.highest, data)
    except SourceMisread:
        return
    assert all(isinstance(name, str) for name in odd)
    assert found is not None
