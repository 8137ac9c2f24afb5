"""What administrators may do to topics, and how they are refused: as Apache Kafka 4.3 answered when it was asked."""

from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import NO_ID
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.site import Access
from streamwatch.reference.kafka.spec import Release, Spec
from tests.reference.acting import QUICK, Stage, row


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.topic("a.b", (1, 2), (2, 3))
    return made


def new(name: str, partitions: int = 1, replication: int = 1, **more: Any) -> SimpleNamespace:
    chosen = {"num_partitions": partitions, "replication_factor": replication, "assignments": [], "configs": []}
    return SimpleNamespace(name=name, **{**chosen, **more})


def create(stage: Stage, *topics: SimpleNamespace, validate_only: bool = False, broker: int = 1) -> Any:
    return stage.ask(broker, 19, 7, topics=list(topics), validate_only=validate_only)["topics"]


def codes(rows: list[dict[str, Any]]) -> dict[str, Code]:
    return {row["name"]: row["error_code"] for row in rows}


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("a.b", Code.TOPIC_ALREADY_EXISTS, "Topic 'a.b' already exists."),
        ("a_b", Code.INVALID_TOPIC_EXCEPTION, "Topic 'a_b' collides with existing topic: a.b"),
        ("", Code.INVALID_TOPIC_EXCEPTION, "the empty string is not allowed"),
        (".", Code.INVALID_TOPIC_EXCEPTION, "'.' is not allowed"),
        ("..", Code.INVALID_TOPIC_EXCEPTION, "'..' is not allowed"),
        ("a" * 250, Code.INVALID_TOPIC_EXCEPTION, "is longer than the max allowed length 249"),
        ("a b", Code.INVALID_TOPIC_EXCEPTION, "contains one or more characters other than ASCII alphanumerics"),
    ],
)
def test_a_name_that_cannot_be_is_refused(stage: Stage, name: str, code: Code, why: str) -> None:
    (found,) = create(stage, new(name))

    assert found["error_code"] == code
    assert why in found["error_message"]


def test_a_name_that_collided_is_free_once_the_other_is_gone(stage: Stage) -> None:
    stage.ask(1, 20, 5, topics=None, topic_names=["a.b"])

    assert codes(create(stage, new("a_b"))) == {"a_b": Code.NONE}
    assert codes(create(stage, new("a.b"))) == {"a.b": Code.INVALID_TOPIC_EXCEPTION}


def test_names_of_one_request_may_collide_for_kafka_looks_at_what_is_there_only(stage: Stage) -> None:
    assert codes(create(stage, new("c.d"), new("c_d"))) == {"c.d": Code.NONE, "c_d": Code.NONE}
    (found,) = create(stage, new("c.d_"), new("c_d"))[1:]
    assert found["error_code"] == Code.TOPIC_ALREADY_EXISTS


def test_a_name_twice_in_a_request_is_refused_as_a_whole(stage: Stage) -> None:
    found = create(stage, new("twice", 1), new("once"), new("twice", 2))

    assert codes(found) == {"once": Code.NONE, "twice": Code.INVALID_REQUEST}
    assert len(found) == 2
    assert "twice" not in stage.cluster.topics


def test_a_topic_that_is_only_tried_has_an_id_and_is_not_there(stage: Stage) -> None:
    (found,) = create(stage, new("tried"), validate_only=True)

    assert found["topic_id"] != NO_ID
    assert "tried" not in stage.cluster.topics


def placed(*rows: tuple[int, list[int]]) -> dict[str, Any]:
    chosen = [SimpleNamespace(partition_index=index, broker_ids=brokers) for index, brokers in rows]
    return {"partitions": -1, "replication": -1, "assignments": chosen}


@pytest.mark.parametrize(
    ("shape", "code", "why"),
    [
        (placed((0, [1]), (0, [2])), Code.INVALID_REPLICA_ASSIGNMENT, "Found multiple manual partition assignments"),
        (placed((1, [1])), Code.INVALID_REPLICA_ASSIGNMENT, "consecutive 0-based integer sequence"),
        (placed((0, [1, 1])), Code.INVALID_REPLICA_ASSIGNMENT, "the broker 1 more than once"),
        (placed((0, [1, 9])), Code.INVALID_REPLICA_ASSIGNMENT, "broker 9, but no such broker is registered"),
        (placed((0, [])), Code.INVALID_REPLICA_ASSIGNMENT, "an empty replica list"),
        (placed((0, [1, 2]), (1, [3])), Code.INVALID_REPLICA_ASSIGNMENT, "with 1 replica(s), but this is not consist"),
        (placed((0, [1])) | {"partitions": 1}, Code.INVALID_REQUEST, "numPartitions was not set to -1"),
        ({"replication": 4}, Code.INVALID_REPLICATION_FACTOR, "because only 3 broker(s) are registered"),
        ({"partitions": 0, "replication": 0}, Code.INVALID_REPLICATION_FACTOR, "must be larger than 0, or -1"),
        ({"partitions": 0}, Code.INVALID_PARTITIONS, "non-positive"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(stage: Stage, shape: dict[str, Any], code: Code, why: str) -> None:
    (found,) = create(stage, new("shaped", **shape))

    assert found["error_code"] == code
    assert why in found["error_message"]


def delete(stage: Stage, *asked: tuple[str | None, Any]) -> list[tuple[str | None, Code]]:
    topics = [SimpleNamespace(name=name, topic_id=topic_id) for name, topic_id in asked]
    answer = stage.ask(1, 20, 6, topics=topics, topic_names=[])
    return [(one["name"], one["error_code"]) for one in answer["responses"]]


def test_what_is_asked_for_twice_is_not_deleted_at_all(stage: Stage) -> None:
    own = stage.cluster.topics["a.b"].id

    assert delete(stage, ("a.b", NO_ID), ("a.b", NO_ID)) == [("a.b", Code.INVALID_REQUEST)]
    assert delete(stage, (None, own), (None, own)) == [(None, Code.INVALID_REQUEST)]
    assert delete(stage, ("a.b", NO_ID), (None, own)) == [("a.b", Code.INVALID_REQUEST)]
    assert delete(stage, ("a.b", own)) == [("a.b", Code.INVALID_REQUEST)]
    assert delete(stage, (None, NO_ID)) == [(None, Code.INVALID_REQUEST)]
    assert delete(stage, ("nothing", NO_ID)) == [("nothing", Code.UNKNOWN_TOPIC_OR_PARTITION)]
    assert delete(stage, (None, own)) == [("a.b", Code.NONE)]
    assert delete(stage, (None, own)) == [(None, Code.UNKNOWN_TOPIC_ID)]


def grow(stage: Stage, *asked: tuple[str, int, list[list[int]] | None]) -> list[Code]:
    topics = [
        SimpleNamespace(
            name=name, count=count, assignments=None if at is None else [SimpleNamespace(broker_ids=one) for one in at]
        )
        for name, count, at in asked
    ]
    answer = stage.ask(1, 37, 3, topics=topics, validate_only=False)
    return [one["error_code"] for one in answer["results"]]


def test_partitions_are_only_ever_added(stage: Stage) -> None:
    assert grow(stage, ("a.b", 2, None)) == [Code.INVALID_PARTITIONS]
    assert grow(stage, ("a.b", 1, None)) == [Code.INVALID_PARTITIONS]
    assert grow(stage, ("nothing", 3, None)) == [Code.UNKNOWN_TOPIC_OR_PARTITION]
    assert grow(stage, ("a.b", 3, [])) == [Code.INVALID_REPLICA_ASSIGNMENT]
    assert grow(stage, ("a.b", 3, [[1]])) == [Code.INVALID_REPLICA_ASSIGNMENT]
    assert grow(stage, ("a.b", 3, None), ("a.b", 4, None)) == [Code.INVALID_REQUEST]
    assert grow(stage, ("a.b", 3, [[3, 1]])) == [Code.NONE]
    assert len(stage.cluster.topics["a.b"].partitions) == 3


def elected(stage: Stage, kind: int, *asked: tuple[str, list[int]] | None) -> Any:
    rows = [SimpleNamespace(topic=one[0], partitions=one[1]) for one in asked if one]
    answer = stage.ask(1, 43, 2, election_type=kind, topic_partitions=None if None in asked else rows)
    found = {
        (one["topic"], each["partition_id"]): each["error_code"]
        for one in answer["replica_election_results"]
        for each in one["partition_result"]
    }
    return answer["error_code"], [one["topic"] for one in answer["replica_election_results"]], found


def test_leaders_are_elected_where_that_is_needed(stage: Stage) -> None:
    assert elected(stage, 0, ("a.b", [0])) == (Code.NONE, ["a.b"], {("a.b", 0): Code.ELECTION_NOT_NEEDED})
    assert elected(stage, 0, None) == (Code.NONE, ["a.b"], {})
    assert elected(stage, 1, None) == (Code.NONE, ["a.b"], {})
    assert elected(stage, 2, ("a.b", [0])) == (Code.INVALID_REQUEST, ["a.b"], {("a.b", 0): Code.INVALID_REQUEST})
    assert elected(stage, 0, ("x", [0]))[2] == {("x", 0): Code.UNKNOWN_TOPIC_OR_PARTITION}

    stage.cluster.stop(stage.cluster.brokers[1], stage.now)
    stage.advance(10)
    assert elected(stage, 0, ("a.b", [0]))[2] == {("a.b", 0): Code.PREFERRED_LEADER_NOT_AVAILABLE}
    stage.cluster.start(stage.cluster.brokers[1], stage.now)
    stage.advance(10)
    assert elected(stage, 0, None)[2] == {("a.b", 0): Code.NONE}


@pytest.mark.parametrize(("replicas", "wanted"), [((1,), "2"), ((1, 2), "3")])
@pytest.mark.parametrize(
    ("release", "code"),
    [((2, 8), Code.NOT_ENOUGH_REPLICAS), ((3, 6), Code.NOT_ENOUGH_REPLICAS), ((3, 9), Code.NONE), ((4, 3), Code.NONE)],
)
def test_no_more_replicas_are_waited_for_than_there_are_from_37_on(
    release: Release, code: Code, replicas: tuple[int, ...], wanted: str
) -> None:
    stage = Stage(Spec(release=release, settings=QUICK))
    (partition,) = stage.topic("few", replicas, min_insync_replicas=wanted)
    later = stage.produce(1, partition, b"a")
    stage.advance(1)

    assert row(later)["error_code"] == code
    assert (stage.cluster.min_isr(partition) > len(replicas)) is (code != Code.NONE)


ASKED = {
    29: {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 1, "principal_filter": None,
         "host_filter": None, "operation": 1, "permission_type": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("access", "code"),
    [
        (Access(), Code.SECURITY_DISABLED),
        (Access(keeps_acls=True), Code.NONE),
        (Access(authorize=True, super_users=frozenset({"User:ANONYMOUS"})), Code.NONE),
    ],
)
def test_acls_are_there_only_with_an_authorizer(access: Access, code: Code) -> None:
    stage = Stage(access=access)
    wanted = ASKED[29]

    assert stage.ask(1, 29, 3, **wanted)["error_code"] == code
    found = stage.ask(1, 31, 3, filters=[SimpleNamespace(**wanted)])
    assert found["filter_results"][0]["error_code"] == code


def test_with_zookeeper_only_the_controller_administers() -> None:
    stage = Stage(Spec(release=(2, 8), settings=QUICK))
    stage.topic("old", (1, 2))

    assert codes(create(stage, new("new"), broker=2)) == {"new": Code.NOT_CONTROLLER}
    assert stage.ask(2, 20, 5, topics=None, topic_names=["old"])["responses"][0]["error_code"] == Code.NOT_CONTROLLER
    for key, body in ((45, {"topics": []}), (46, {"topics": None})):
        assert stage.ask(2, key, 0, **body)["error_code"] == Code.NOT_CONTROLLER
    assert stage.ask(1, 46, 0, topics=None)["error_code"] == Code.NONE
    assert codes(create(stage, new("new"))) == {"new": Code.NONE}


@pytest.mark.parametrize(("release", "stays"), [((3, 9), False), ((4, 3), True)])
def test_a_group_without_any_commit_left_is_forgotten_with_the_topic_before_40(
    release: tuple[int, int],
    stays: bool,  # noqa: FBT001
) -> None:
    stage = Stage(Spec(release=release, settings=QUICK))
    stage.topic("read", (1,))
    stage.site.groups.put("readers", {("read", 0): Committed(1)}, stage.now)
    stage.ask(1, 20, 5, topics=None, topic_names=["read"])

    assert (stage.site.groups.find("readers") is not None) is stays
    assert dict(stage.site.groups.offsets.of("readers")) == {}
