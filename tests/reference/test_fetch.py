"""Fetch: long polls, sessions that tell only of what changed, and what must not be read."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.timers import Later
from tests.reference.acting import Stage


class Reader:
    """A consumer of topic t by the protocol, on broker 1."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def ask(self, *wanted: tuple[int, int], session: tuple[int, int] = (0, -1), **changes: Any) -> Any:
        """Fetch (partition, offset) pairs; return the answer, or what it waits for."""
        partitions = [
            SimpleNamespace(
                partition=index,
                fetch_offset=offset,
                partition_max_bytes=changes.get("partition_max_bytes", 1000),
                current_leader_epoch=changes.get("epoch", -1),
                last_fetched_epoch=changes.get("last_epoch", -1),
            )
            for index, offset in wanted
        ]
        return self.stage.ask(
            1,
            1,
            12,
            session_id=session[0],
            session_epoch=session[1],
            topics=[SimpleNamespace(topic="t", topic_id=uuid.UUID(int=0), partitions=partitions)] if wanted else [],
            forgotten_topics_data=[],
            max_wait_ms=changes.get("max_wait_ms", 0),
            min_bytes=changes.get("min_bytes", 1),
            max_bytes=changes.get("max_bytes", 10_000),
            isolation_level=0,
        )


def rows(answer: Any) -> list[dict[str, Any]]:
    return [one for topic in answer["responses"] for one in topic["partitions"]]


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.topic("t", (1, 2, 3), (1, 2, 3), (2, 3, 1))
    return made


def partition(stage: Stage, index: int = 0) -> Partition:
    return stage.cluster.topics["t"].partitions[index]


def write(stage: Stage, *values: bytes, index: int = 0) -> None:
    for value in values:
        stage.produce(1, partition(stage, index), value)
    stage.advance(0.1)


def test_a_long_poll_ends_when_there_is_enough(stage: Stage) -> None:
    reply = Reader(stage).ask((0, 0), max_wait_ms=5000, min_bytes=100)
    assert isinstance(reply, Later)
    write(stage, b"a")
    assert not reply.done
    write(stage, b"b")

    assert reply.done
    assert rows(reply.answer)[0]["high_watermark"] == 2


def test_a_long_poll_ends_when_its_time_is_over_and_leaves_nothing_behind(stage: Stage) -> None:
    reply = Reader(stage).ask((0, 0), max_wait_ms=500)
    assert isinstance(reply, Later)
    stage.advance(0.6)

    assert rows(reply.answer)[0]["records"] == b""
    assert partition(stage).watchers == set()


def test_what_is_not_on_the_whole_isr_is_not_read(stage: Stage) -> None:
    stage.produce(1, partition(stage), b"a", acks=1)

    assert rows(Reader(stage).ask((0, 0)))[0]["records"] == b""
    stage.advance(0.1)
    assert rows(Reader(stage).ask((0, 0)))[0]["records"] != b""


def test_the_first_batch_comes_though_it_is_larger_than_allowed(stage: Stage) -> None:
    write(stage, b"x" * 500, b"y" * 500)
    found = rows(Reader(stage).ask((0, 0), partition_max_bytes=10, max_bytes=10))

    assert 500 < len(found[0]["records"]) < 700


@pytest.mark.parametrize(
    ("wanted", "changes", "code"),
    [
        ((2, 0), {}, Code.NOT_LEADER_OR_FOLLOWER),
        ((9, 0), {}, Code.UNKNOWN_TOPIC_OR_PARTITION),
        ((0, 7), {}, Code.OFFSET_OUT_OF_RANGE),
        ((0, 0), {"epoch": 5}, Code.UNKNOWN_LEADER_EPOCH),
        ((0, 0), {"epoch": 0}, Code.NONE),
    ],
)
def test_what_cannot_be_read_is_told_at_once(
    stage: Stage, wanted: tuple[int, int], changes: dict[str, Any], code: Code
) -> None:
    answer = Reader(stage).ask(wanted, max_wait_ms=0 if code is Code.NONE else 5000, **changes)

    assert rows(answer)[0]["error_code"] is code


def test_an_old_leader_epoch_is_fenced_and_told_where_the_logs_part(stage: Stage) -> None:
    write(stage, b"a")
    stage.cluster.controller.lead(partition(stage), 2, stage.now)
    stage.cluster.controller.lead(partition(stage), 1, stage.now)
    stage.advance(0.1)
    write(stage, b"b")

    assert rows(Reader(stage).ask((0, 0), epoch=1))[0]["error_code"] is Code.FENCED_LEADER_EPOCH
    assert rows(Reader(stage).ask((0, 2), last_epoch=0))[0]["diverging_epoch"] == {"epoch": 0, "end_offset": 1}


def test_a_session_tells_only_of_what_changed(stage: Stage) -> None:
    reader = Reader(stage)
    first = reader.ask((0, 0), (1, 0), session=(0, 0))
    assert [row["partition_index"] for row in rows(first)] == [0, 1]
    number = first["session_id"]
    assert rows(reader.ask(session=(number, 1))) == []
    write(stage, b"a", index=1)
    assert [row["partition_index"] for row in rows(reader.ask(session=(number, 2)))] == [1]


def test_a_session_that_is_not_known_or_out_of_step_is_refused(stage: Stage) -> None:
    reader = Reader(stage)
    number = reader.ask((0, 0), session=(0, 0))["session_id"]

    assert reader.ask(session=(number, 9))["error_code"] is Code.INVALID_FETCH_SESSION_EPOCH
    assert reader.ask(session=(77, 1))["error_code"] is Code.FETCH_SESSION_ID_NOT_FOUND
    assert reader.ask((0, 0), session=(number, -1))["session_id"] == 0
    assert reader.ask(session=(number, 1))["error_code"] is Code.FETCH_SESSION_ID_NOT_FOUND
