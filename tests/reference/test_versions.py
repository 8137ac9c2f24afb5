"""Every API in every version that every release offers: answered, and readable to an independent codec."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kio.index import load_payload_module
from kio.serial import entity_reader
from kio.static.constants import EntityType

from streamwatch.reference.kafka import wire
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.connection import _spoilt
from streamwatch.reference.kafka.handlers import HANDLERS
from streamwatch.reference.kafka.handlers.context import Context
from streamwatch.reference.kafka.login import ANONYMOUS
from streamwatch.reference.kafka.spec import RELEASES, Release, Spec
from streamwatch.reference.timers import Later
from tests.reference.acting import QUICK, Stage
from tests.reference.batches import records

GROUP, TOPIC = "readers", "orders"


def bodies(key: int, version: int, topic_id: uuid.UUID) -> dict[str, Any]:
    """Return the fields of a request that asks for something, where the defaults ask for nothing."""
    partition = {"partition_index": 0}
    named = {"name": TOPIC, "topic_id": topic_id}
    table: dict[int, dict[str, Any]] = {
        0: {"acks": 1, "timeout_ms": 1000,
            "topic_data": [{**named, "partition_data": [{"index": 0, "records": records(b"a")}]}]},
        1: {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1000, "session_epoch": -1,
            "topics": [{"topic": TOPIC, "topic_id": topic_id, "partitions": [
                {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1000, "current_leader_epoch": -1,
                 "last_fetched_epoch": -1}]}]},
        2: {"topics": [{"name": TOPIC, "partitions": [{**partition, "timestamp": -1, "current_leader_epoch": -1}]}]},
        3: {"topics": None},
        8: {"group_id": GROUP, "generation_id_or_member_epoch": -1, "member_id": "",
            "topics": [{**named, "partitions": [{**partition, "committed_offset": 1, "committed_metadata": ""}]}]},
        9: {"group_id": GROUP, "topics": [{"name": TOPIC, "partition_indexes": [0]}],
            "groups": [{"group_id": GROUP, "member_epoch": -1, "topics": [{**named, "partition_indexes": [0]}]}]},
        10: {"key": GROUP, "coordinator_keys": [GROUP]},
        11: {"group_id": f"others-{version}", "session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000,
             "member_id": "", "protocol_type": "consumer", "protocols": [{"name": "range", "metadata": b""}]},
        12: {"group_id": GROUP, "member_id": "x", "generation_id": 1},
        13: {"group_id": GROUP, "member_id": "x", "members": [{"member_id": "x"}]},
        14: {"group_id": GROUP, "member_id": "x", "generation_id": 1, "assignments": []},
        15: {"groups": [GROUP, "nobody"], "include_authorized_operations": True},
        19: {"topics": [{"name": "made", "num_partitions": 1, "replication_factor": 1}], "timeout_ms": 1000},
        20: {"topics": [{"name": "gone", "topic_id": uuid.UUID(int=0)}], "topic_names": ["gone"], "timeout_ms": 1000},
        21: {"topics": [{"name": TOPIC, "partitions": [{**partition, "offset": 0}]}], "timeout_ms": 1000},
        22: {"transactional_id": None, "transaction_timeout_ms": 1000},
        23: {"topics": [{"topic": TOPIC, "partitions": [
            {"partition": 0, "current_leader_epoch": -1, "leader_epoch": 0}]}]},
        24: {"transactions": [{"transactional_id": "t", "producer_id": 1, "producer_epoch": 0, "verify_only": False,
                               "topics": [{"name": TOPIC, "partitions": [0]}]}],
             "v3_and_below_transactional_id": "t", "v3_and_below_producer_id": 1,
             "v3_and_below_topics": [{"name": TOPIC, "partitions": [0]}]},
        25: {"transactional_id": "t", "group_id": GROUP},
        26: {"transactional_id": "t"},
        28: {"transactional_id": "t", "group_id": GROUP, "generation_id": -1, "topics": [
            {"name": TOPIC, "partitions": [{**partition, "committed_offset": 1, "committed_metadata": ""}]}]},
        27: {"markers": [{"producer_id": 1, "producer_epoch": 0, "transaction_result": True, "coordinator_epoch": 0,
                          "transaction_version": 0, "topics": [{"name": TOPIC, "partition_indexes": [0]}]}]},
        29: {"resource_type_filter": 1, "pattern_type_filter": 1, "operation": 1, "permission_type": 1},
        30: {"creations": [{"resource_type": 2, "resource_name": TOPIC, "resource_pattern_type": 3,
                            "principal": "User:a", "host": "*", "operation": 3, "permission_type": 3}]},
        31: {"filters": [{"resource_type_filter": 1, "pattern_type_filter": 1, "operation": 1, "permission_type": 1}]},
        32: {"resources": [{"resource_type": 2, "resource_name": TOPIC, "configuration_keys": None}],
             "include_synonyms": True},
        33: {"resources": [{"resource_type": 2, "resource_name": TOPIC, "configs": []}]},
        34: {"dirs": [{"path": "/kafka/data-0", "topics": [{"name": TOPIC, "partitions": [0]}]}]},
        35: {"topics": None},
        37: {"topics": [{"name": TOPIC, "count": 9, "assignments": None}], "timeout_ms": 1000},
        42: {"groups_names": ["nobody"]},
        43: {"topic_partitions": [{"topic": TOPIC, "partitions": [0]}], "timeout_ms": 1000},
        44: {"resources": [{"resource_type": 2, "resource_name": TOPIC, "configs": []}]},
        45: {"topics": [{"name": TOPIC, "partitions": [{**partition, "replicas": [1, 2, 3]}]}]},
        46: {"topics": None},
        47: {"group_id": GROUP, "topics": [{"name": TOPIC, "partitions": [partition]}]},
        48: {"components": []},
        49: {"entries": [{"entity": [{"entity_type": "user", "entity_name": "a"}],
                          "ops": [{"key": "producer_byte_rate", "value": 1.0, "remove": False}]}]},
        50: {"users": [{"name": "a"}]},
        51: {"deletions": [{"name": "a", "mechanism": 1}]},
        55: {"topics": [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]},
        57: {"feature_updates": [{"feature": "group.version", "max_version_level": 1}]},
        61: {"topics": [{"name": TOPIC, "partition_indexes": [0]}]},
        65: {"transactional_ids": ["t"]},
        68: {"group_id": "modern", "member_id": "m", "member_epoch": 0, "subscribed_topic_names": [TOPIC],
             "topic_partitions": []},
        69: {"group_ids": [GROUP, "modern"]},
        77: {"group_ids": [GROUP]},
        89: {"group_ids": [GROUP]},
        90: {"groups": [{"group_id": GROUP, "topics": None}]},
        75: {"topics": [{"name": TOPIC}], "response_partition_limit": 10},
    }  # fmt: skip
    return table.get(key, {})


def cases() -> Iterator[Any]:
    for release in RELEASES:
        for key, (lowest, highest) in wire.offered(release).items():
            if key not in HANDLERS:
                continue
            for version in range(max(lowest, wire._lowest(key)), highest + 1):
                yield pytest.param(release, key, version, id=f"{release[0]}.{release[1]}-{wire.NAMES[key]}-{version}")


def frame(key: int, version: int, body: dict[str, Any]) -> bytes:
    """Encode a request as a client does."""
    request = wire._CLASSES[key][0]
    fields = {name: value for name, value in body.items() if name in request.fields}
    message = wire._built(request, request._struct, _known(request._struct, fields), version)
    message.with_header(correlation_id=7, client_id="test")
    return bytes(message.encode(header=True))


def _known(fields: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Drop what a structure does not have, all the way down."""
    kept: dict[str, Any] = {}
    for name, value in given.items():
        field = fields.fields.get(name)
        if field is not None and isinstance(value, list) and field.is_struct_array():
            kept[name] = [_known(field.data_class._struct, one) if isinstance(one, dict) else one for one in value]
            if any(not isinstance(one, dict) for one in value):
                del kept[name]
        elif field is not None:
            kept[name] = value
    return kept


@pytest.fixture(scope="module")
def stages() -> dict[Release, Stage]:
    return {}


def stage_of(release: Release, stages: dict[Release, Stage]) -> Stage:
    if release not in stages:
        stages[release] = stage = Stage(
            Spec(release=release, settings={**QUICK, "group.initial.rebalance.delay.ms": "0"})
        )
        stage.topic(TOPIC, (1, 2, 3), (2, 3, 1))
        stage.site.offered = wire.offered(release)
        for broker in stage.cluster.brokers:
            stage.site.addresses[broker, "PLAINTEXT"] = ("127.0.0.1", 9092)
    return stages[release]


@pytest.mark.parametrize(("release", "key", "version"), list(cases()))
def test_an_answer_is_readable_to_an_independent_codec(
    release: Release, key: int, version: int, stages: dict[Release, Stage]
) -> None:
    stage = stage_of(release, stages)
    topic_id = stage.cluster.topics[TOPIC].id
    request = wire.decode(frame(key, version, bodies(key, version, topic_id)), stage.site.offered)
    for broker in (1, 2):
        context = Context(
            stage.site, stage.cluster.brokers[broker], request, "PLAINTEXT", ANONYMOUS, "127.0.0.1", stage.now
        )
        reply = HANDLERS[key](context)
        stage.advance(0.1)
        answer = reply.answer if isinstance(reply, Later) else reply
        assert answer is not None
        for shown in (answer, _spoilt(answer, Code.REQUEST_TIMED_OUT)):
            _read_by_kio(key, version, wire.encode(request, shown))


def _read_by_kio(key: int, version: int, data: bytes) -> None:
    payload = load_payload_module(key, version, EntityType.response)
    cls = getattr(payload, f"{wire.NAMES[key]}Response")
    header_size = 9 if cls.__flexible__ and key != wire.API_VERSIONS else 8
    _, size = entity_reader(cls)(data, header_size)
    assert header_size + size == len(data)
