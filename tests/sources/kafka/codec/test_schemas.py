"""The messages of our own schemas are, to the byte, those of an independent codec."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.index import load_payload_module
from kio.serial import entity_reader
from kio.static.constants import EntityType

from streamwatch.sources.kafka.apis import (
    CONSUMER_GROUP_DESCRIBE,
    SHARE_GROUP_DESCRIBE,
    SHARE_OFFSETS,
    STREAMS_GROUP_DESCRIBE,
    KafkaApi,
)
from tests.sources.kafka.codec.drawn import entities, plain
from tests.sources.kafka.codec.kafka_answers import write

Side = Literal[EntityType.request, EntityType.response]
OURS = (CONSUMER_GROUP_DESCRIBE, SHARE_GROUP_DESCRIBE, SHARE_OFFSETS, STREAMS_GROUP_DESCRIBE)
MESSAGES = [
    pytest.param(api, version, side, id=f"{api.name}-{side.name}-v{version}")
    for api in OURS
    for version in range(api.lowest, api.highest + 1)
    for side in (EntityType.request, EntityType.response)
]


@pytest.mark.parametrize(("api", "version", "side"), MESSAGES)
@given(data=st.data())
def test_our_schemas_read_and_write_what_an_independent_codec_does(
    api: KafkaApi, version: int, side: Side, data: st.DataObject
) -> None:
    ours = getattr(api, side.name)
    theirs: Any = getattr(load_payload_module(api.key, version, side), ours.__name__)
    message = data.draw(entities(theirs))
    body = write(message)
    read = ours.decode(body, version=version)

    assert plain(read.to_dict()) == plain(message)
    assert bytes(read.encode()) == body
    assert entity_reader(theirs)(body, 0) == (message, len(body))
