"""The quorum, endpoints, features and directories, as tools ask for them."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import NO_ID
from streamwatch.reference.kafka.spec import Spec
from tests.reference.acting import QUICK, Stage


@pytest.fixture
def stage() -> Stage:
    made = Stage(Spec(settings=QUICK, dirs=2))
    made.topic("t", (1, 2))
    for broker in made.cluster.brokers:
        made.site.addresses[broker, "PLAINTEXT"] = ("127.0.0.1", 9092)
    return made


def quorum(stage: Stage, *topics: str, version: int = 2) -> Any:
    asked = [SimpleNamespace(topic_name=one, partitions=[SimpleNamespace(partition_index=0)]) for one in topics]
    return stage.ask(1, 55, version, topics=asked)


def test_the_quorum_tells_who_leads_who_votes_and_how_far_each_is(stage: Stage) -> None:
    stage.cluster.controller.stop_voter(101, stage.now)
    stage.cluster.stop(stage.cluster.brokers[3], stage.now)
    lost = stage.now
    stage.advance(5)
    answer = quorum(stage, "__cluster_metadata")
    (one,) = answer["topics"][0]["partitions"]

    assert one["leader_id"] == 100
    assert {each["replica_id"]: one["high_watermark"] - each["log_end_offset"] for each in one["current_voters"]} == {
        100: 0,
        101: 10,
        102: 0,
    }
    assert one["current_voters"][1]["last_fetch_timestamp"] == int(lost * 1000)
    assert [each["replica_id"] for each in one["observers"]] == [1, 2, 3]
    assert one["observers"][2]["last_caught_up_timestamp"] == int(lost * 1000)
    assert {each["replica_directory_id"] for each in one["current_voters"]} == {NO_ID}
    assert all(isinstance(each["replica_directory_id"], uuid.UUID) for each in one["observers"])
    assert [node["node_id"] for node in answer["nodes"]] == [100, 101, 102]


def test_an_observer_that_has_not_fetched_for_long_is_forgotten(stage: Stage) -> None:
    stage.cluster.stop(stage.cluster.brokers[3], stage.now)
    stage.advance(301)
    (one,) = quorum(stage, "__cluster_metadata")["topics"][0]["partitions"]
    assert [each["replica_id"] for each in one["observers"]] == [1, 2]

    stage.cluster.start(stage.cluster.brokers[3], stage.now)
    (one,) = quorum(stage, "__cluster_metadata")["topics"][0]["partitions"]
    assert [one["high_watermark"] - each["log_end_offset"] for each in one["observers"]] == [0, 0, 0]


def test_there_is_one_quorum(stage: Stage) -> None:
    (found,) = quorum(stage, "other")["topics"]

    assert found["partitions"][0]["error_code"] == Code.UNKNOWN_TOPIC_OR_PARTITION
    assert quorum(stage)["topics"] == []


@pytest.mark.parametrize(
    ("kind", "code"), [(1, Code.NONE), (2, Code.MISMATCHED_ENDPOINT_TYPE), (3, Code.UNSUPPORTED_ENDPOINT_TYPE)]
)
def test_only_brokers_are_endpoints(stage: Stage, kind: int, code: Code) -> None:
    body = {"endpoint_type": kind, "include_cluster_authorized_operations": False}

    assert stage.ask(1, 60, 1, **body)["error_code"] == code


@pytest.mark.parametrize(
    ("name", "level", "code"),
    [
        ("group.version", 1, Code.NONE),
        ("group.version", 2, Code.INVALID_UPDATE_VERSION),
        ("no.such", 1, Code.INVALID_UPDATE_VERSION),
        ("transaction.version", 2, Code.FEATURE_UPDATE_FAILED),
    ],
)
def test_features_stay(stage: Stage, name: str, level: int, code: Code) -> None:
    update = SimpleNamespace(feature=name, max_version_level=level)

    assert stage.ask(1, 57, 2, feature_updates=[update])["error_code"] == code


def moved(stage: Stage, path: str, topic: str = "t", index: int = 0, broker: int = 1) -> Code:
    asked = SimpleNamespace(path=path, topics=[SimpleNamespace(name=topic, partitions=[index])])
    answer = stage.ask(broker, 34, 2, dirs=[asked])
    return Code(answer["results"][0]["partitions"][0]["error_code"])


def test_a_replica_moves_between_the_directories_of_its_broker(stage: Stage) -> None:
    stage.produce(1, stage.cluster.topics["t"].partitions[0], b"a" * 100)
    stage.advance(1)
    broker = stage.cluster.brokers[1]
    first, second = broker.dirs
    size, free = first.used, second.free

    assert moved(stage, second.path) == Code.NONE
    assert (first.used, first.replicas, second.used, second.replicas) == (0, 0, size, 1)
    assert second.free == free - size
    assert moved(stage, second.path) == Code.NONE
    assert moved(stage, "/nowhere") == Code.LOG_DIR_NOT_FOUND
    assert moved(stage, first.path, index=7) == Code.UNKNOWN_TOPIC_OR_PARTITION
    assert moved(stage, first.path, broker=3) == Code.REPLICA_NOT_AVAILABLE
    stage.cluster.fail_dir(broker, first, stage.now)
    assert moved(stage, first.path) == Code.KAFKA_STORAGE_ERROR


def test_who_was_dead_at_the_election_is_unknown_to_the_new_controller() -> None:
    stage = Stage(Spec(controllers=3, settings=QUICK))
    first, _, third = stage.cluster.controller.voters
    stage.cluster.controller.stop_voter(third, stage.now)
    stage.advance(5)
    stage.cluster.controller.start_voter(third, stage.now)
    stage.cluster.controller.stop_voter(first, stage.now)
    stage.site.addresses[1, "PLAINTEXT"] = ("127.0.0.1", 9092)
    stage.advance(5)
    (one,) = quorum(stage, "__cluster_metadata")["topics"][0]["partitions"]
    (dead,) = [each for each in one["current_voters"] if each["replica_id"] == first]

    assert (dead["log_end_offset"], dead["last_caught_up_timestamp"]) == (-1, -1)
