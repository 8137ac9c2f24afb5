"""What tools see of transactions (KIP-664) and of offsets meanwhile, as Apache Kafka 4.3 shows it."""

from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import TRANSACTIONS, Partition
from tests.reference.acting import Stage
from tests.reference.batches import records

NAME = "payments"
KEY = ("t", 0)
LATEST, LARGEST = -1, -3


class Play:
    """One transactional producer on a topic of three replicas; broker 1 leads."""

    def __init__(self) -> None:
        self.stage = Stage()
        (self.partition,) = self.stage.topic("t", (1, 2, 3))
        _, self.producer, self.epoch = self.transactions.begin(NAME, 60.0, (-1, -1), self.stage.now)
        self.sequence = 0

    @property
    def transactions(self) -> Any:
        return self.stage.site.transactions

    @property
    def state(self) -> str:
        return str(self.transactions.by_name[NAME].state)

    @property
    def coordinator(self) -> int:
        found = self.stage.site.coordinator(NAME, self.stage.now, is_transaction=True)
        assert found is not None
        return found

    def write(self, *values: bytes) -> None:
        """Begin, if need be, and write; wait until it is everywhere."""
        self.transactions.add(self.transactions.by_name[NAME], {KEY}, set(), self.stage.now)
        data = records(*values, producer=(self.producer, self.epoch, self.sequence), is_transactional=True)
        self.sequence += len(values)
        self.produce(data)

    def produce(self, data: bytes) -> None:
        topic = SimpleNamespace(name="t", topic_id=None, partition_data=[SimpleNamespace(index=0, records=data)])
        self.stage.ask(1, 0, 9, acks=-1, timeout_ms=5000, transactional_id=NAME, topic_data=[topic])
        self.stage.advance(1)

    def end(self, *, commit: bool) -> Code:
        later = self.transactions.end(self.transactions.by_name[NAME], self.stage.now, commit=commit)
        assert later.answer is not None
        return Code(later.answer)

    def offset(self, timestamp: int, isolation: int = 0, version: int = 11) -> tuple[Code, int]:
        asked = SimpleNamespace(partition_index=0, current_leader_epoch=-1, timestamp=timestamp)
        topic = SimpleNamespace(name="t", partitions=[asked])
        answer = self.stage.ask(1, 2, version, isolation_level=isolation, topics=[topic])
        (found,) = answer["topics"][0]["partitions"]
        return found["error_code"], found["offset"]

    def listed(self, **filters: Any) -> Any:
        body = {"state_filters": [], "producer_id_filters": [], "duration_filter": -1, "transactional_id_pattern": None}
        return self.stage.ask(self.coordinator, 66, 2, **(body | filters))


@pytest.fixture
def play() -> Play:
    return Play()


def test_the_last_stable_offset_stands_before_an_open_transaction(play: Play) -> None:
    play.produce(records(b"plain"))
    play.write(b"a", b"b")
    play.produce(records(b"plain"))
    assert (play.offset(LATEST), play.offset(LATEST, 1)) == ((Code.NONE, 4), (Code.NONE, 1))

    play.end(commit=False)
    play.stage.advance(1)
    assert (play.offset(LATEST), play.offset(LATEST, 1)) == ((Code.NONE, 5), (Code.NONE, 5))


def test_a_transaction_is_complete_when_its_markers_are_on_the_whole_isr(play: Play) -> None:
    play.write(b"a")
    faults.isolate(play.stage.site, play.stage.now, broker=3)
    assert play.end(commit=True) == Code.NONE
    assert play.state == "PrepareCommit"
    assert play.end(commit=True) == Code.CONCURRENT_TRANSACTIONS
    assert play.end(commit=False) == Code.INVALID_TXN_STATE

    play.stage.advance(20)
    assert play.partition.state.isr == (1, 2)
    assert play.state == "CompleteCommit"


def test_to_describe_a_transaction_makes_no_topic() -> None:
    stage = Stage()
    (found,) = stage.ask(1, 65, 0, transactional_ids=[NAME])["transaction_states"]
    assert found["error_code"] == Code.NOT_COORDINATOR
    assert TRANSACTIONS not in stage.cluster.topics


def test_a_marker_that_a_leader_took_along_is_written_by_the_next(play: Play) -> None:
    play.write(b"a")
    play.end(commit=True)
    play.stage.cluster.stop(play.stage.cluster.brokers[1], play.stage.now)
    play.stage.advance(20)

    assert play.state == "CompleteCommit"
    leader = play.partition.leader
    assert leader is not None
    assert leader.broker != 1
    assert leader.log.producers.first_open is None


@pytest.mark.parametrize(
    ("filters", "found", "unknown"),
    [
        ({}, [NAME], []),
        ({"state_filters": ["Ongoing"]}, [NAME], []),
        ({"state_filters": ["Empty", "Thinking", "ongoing"]}, [], ["Thinking", "ongoing"]),
        ({"producer_id_filters": [1]}, [], []),
        ({"duration_filter": 2000}, [NAME], []),
        ({"duration_filter": 4000}, [], []),
        ({"transactional_id_pattern": "pay.*"}, [NAME], []),
        ({"transactional_id_pattern": "pay"}, [], []),
        ({"transactional_id_pattern": ""}, [NAME], []),
    ],
)
def test_transactions_are_listed_by_filters(play: Play, filters: Any, found: list[str], unknown: list[str]) -> None:
    play.write(b"a")
    play.stage.advance(2)
    answer = play.listed(**filters)

    assert [one["transactional_id"] for one in answer["transaction_states"]] == found
    assert answer["unknown_state_filters"] == unknown


def test_a_pattern_that_is_none_is_refused(play: Play) -> None:
    assert play.listed(transactional_id_pattern="(")["error_code"] == Code.INVALID_REGULAR_EXPRESSION


def test_only_its_coordinator_describes_a_transaction(play: Play) -> None:
    here = play.coordinator
    answers = {
        broker: play.stage.ask(broker, 65, 0, transactional_ids=[NAME])["transaction_states"][0]["error_code"]
        for broker in (1, 2, 3)
    }

    assert answers == {broker: Code.NONE if broker == here else Code.NOT_COORDINATOR for broker in (1, 2, 3)}


def producers(play: Play, broker: int) -> list[dict[str, Any]]:
    topic = SimpleNamespace(name="t", partition_indexes=[0])
    answer = play.stage.ask(broker, 61, 0, topics=[topic])
    found: list[dict[str, Any]] = answer["topics"][0]["partitions"][0]["active_producers"]
    return found


def test_followers_know_the_producers_too(play: Play) -> None:
    play.write(b"a")
    play.stage.advance(1)
    shown = [producers(play, broker) for broker in (1, 2, 3)]
    assert shown[0] == shown[1] == shown[2]
    assert (shown[0][0]["current_txn_start_offset"], shown[0][0]["coordinator_epoch"]) == (0, -1)

    play.end(commit=True)
    play.stage.advance(1)
    (one,) = producers(play, 2)
    assert (one["current_txn_start_offset"], one["coordinator_epoch"]) == (-1, 0)


def test_a_transaction_that_nobody_knows_any_more_is_ended_by_a_marker(play: Play) -> None:
    play.write(b"a")
    play.transactions.by_name.clear()
    stuck = play.offset(LATEST, 1)
    topic = SimpleNamespace(name="t", partition_indexes=[0])
    marker = SimpleNamespace(
        producer_id=play.producer,
        producer_epoch=play.epoch,
        transaction_result=False,
        coordinator_epoch=3,
        topics=[topic],
    )
    later = play.stage.ask(1, 27, 1, markers=[marker])
    play.stage.advance(1)

    assert later.answer["markers"][0]["topics"][0]["partitions"][0]["error_code"] == Code.NONE
    assert (stuck, play.offset(LATEST, 1)) == ((Code.NONE, 0), (Code.NONE, 2))
    assert producers(play, 1)[0]["coordinator_epoch"] == 3


@pytest.mark.parametrize(("timestamp", "first"), [(LARGEST, 7), (-4, 8), (-5, 9), (-6, 11), (-7, 99)], ids=str)
def test_a_special_time_is_known_from_a_version_on(play: Play, timestamp: int, first: int) -> None:
    known = {version for version in range(1, 12) if play.offset(timestamp, version=version)[0] == Code.NONE}

    assert known == set(range(first, 12))


def test_the_newest_record_is_told_even_after_it_was_deleted_with_its_segment_still_there(play: Play) -> None:
    play.produce(records(b"a", b"b", timestamp=9000))
    play.produce(records(b"c", timestamp=1000))
    delete_before(play.partition, play, 2)
    assert play.offset(LARGEST) == (Code.NONE, 1)

    play.produce(records(b"d", timestamp=9500))
    assert play.offset(LARGEST) == (Code.NONE, 3)


def delete_before(partition: Partition, play: Play, offset: int) -> None:
    asked = SimpleNamespace(partition_index=partition.index, offset=offset)
    topic = SimpleNamespace(name=partition.topic.name, partitions=[asked])
    answer = play.stage.ask(1, 21, 2, topics=[topic])
    assert answer["topics"][0]["partitions"][0]["low_watermark"] == offset
    again = play.stage.ask(1, 21, 2, topics=[SimpleNamespace(name="t", partitions=[SimpleNamespace(
        partition_index=0, offset=0)])])  # fmt: skip
    assert again["topics"][0]["partitions"][0] == {
        "partition_index": 0,
        "low_watermark": offset,
        "error_code": Code.NONE,
    }
