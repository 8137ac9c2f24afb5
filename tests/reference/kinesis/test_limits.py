"""The limits of a shard, to the record, and what AWS says when they are exceeded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.limits import MIB, Bucket
from tests.reference.kinesis.acting import Stage

RATE = "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012."


@given(st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 30)), max_size=80))
def test_no_second_ever_holds_more_than_its_tokens(steps: list[tuple[float, int]]) -> None:
    bucket, now, taken = Bucket(100), 0.0, []
    for wait, amount in steps:
        now += wait
        if bucket.fill(now) >= amount:
            bucket.take(amount, now)
            taken.append((now, amount))

    for end, _ in taken:
        assert sum(amount for at, amount in taken if end - 1 < at <= end) <= 100


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 1000)), max_size=80))
def test_what_was_taken_beyond_the_tokens_is_carried_into_the_next_seconds(steps: list[tuple[float, int]]) -> None:
    bucket, now, taken = Bucket(100), 0.0, []
    for wait, amount in steps:
        now += wait
        if bucket.fill(now) > 0:
            bucket.take(amount, now)
            taken.append((now, amount))

    for last, (end, _) in enumerate(taken):
        for first, (begin, _) in enumerate(taken[:last]):  # whatever was taken from the first on is paid at the last
            assert sum(amount for _, amount in taken[first:last]) < 100 * (int(end - begin + 1e-6) + 1) + 1e-6


@pytest.mark.parametrize("size", [MIB // 2, MIB + MIB // 2, 2 * MIB - 1, 3 * MIB, 10 * MIB - 100])
def test_a_minute_of_reading_yields_two_mebibytes_a_second_however_large_the_records_are(size: int) -> None:
    stage = Stage()
    stage.stream(MaxRecordSizeInKiB=10240)
    shard = stage.kinesis.streams["s"].open_shards[0]
    for _ in range(200 * MIB // size):
        shard.append("k", b"", size, stage.now)
    at, read = stage.iterator(), 0
    for _ in range(120):
        stage.wait(0.5)
        try:
            answer = stage.ask("GetRecords", ShardIterator=at, Limit=1)
        except ServiceError:
            continue
        at, read = answer["NextShardIterator"], read + len(answer["Records"]) * size
    assert read <= 2 * MIB * 60 + 10 * MIB  # what the last call read beyond is owed
    assert read >= MIB * 55


def test_a_thousand_records_in_a_second_are_taken_and_one_more_is_refused() -> None:
    stage = Stage()
    stage.stream()
    for _ in range(2):
        assert stage.put(500)["FailedRecordCount"] == 0
        stage.wait(0.3)

    answer = stage.put(1)
    assert answer["FailedRecordCount"] == 1
    assert answer["Records"] == [{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": RATE}]
    with pytest.raises(ServiceError, match="Rate exceeded for shard") as refused:
        stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k")
    assert refused.value.code == "ProvisionedThroughputExceededException"

    stage.wait(0.4)  # a second after the first half
    assert stage.put(500)["FailedRecordCount"] == 0
    assert stage.put(1)["FailedRecordCount"] == 1


def test_a_mebibyte_in_a_second_is_taken_with_its_keys_and_the_rest_refused() -> None:
    stage = Stage()
    stage.stream()

    answers = stage.put(20, size=MIB // 16 - 1)["Records"]  # with the key a sixteenth each

    assert ["ErrorCode" in one for one in answers] == [False] * 16 + [True] * 4


def test_a_large_record_uses_up_the_seconds_that_it_takes() -> None:
    stage = Stage()
    stage.stream(MaxRecordSizeInKiB=10240)

    assert stage.put(1, size=5 * MIB)["FailedRecordCount"] == 0
    stage.wait(4.9)
    assert stage.put(1)["FailedRecordCount"] == 1
    stage.wait(0.2)
    assert stage.put(1)["FailedRecordCount"] == 0


def test_a_record_is_as_large_as_the_stream_allows() -> None:
    stage = Stage()
    stage.stream()

    with pytest.raises(ServiceError, match="1024 KiB") as refused:
        stage.put(1, size=MIB)  # and its key
    assert refused.value.code == "ValidationException"
    assert stage.put(1, size=MIB - 1)["FailedRecordCount"] == 0
    stage.ask("UpdateMaxRecordSize", StreamARN=stage.kinesis.arn_of("s"), MaxRecordSizeInKiB=2048)
    stage.wait(2)
    assert stage.put(1, size=MIB)["FailedRecordCount"] == 0


def test_five_reads_a_second_are_answered_and_the_sixth_refused() -> None:
    stage = Stage()
    stage.stream()
    at = stage.iterator()
    for _ in range(5):
        stage.ask("GetRecords", ShardIterator=at)

    with pytest.raises(ServiceError, match=RATE.replace(".", r"\.")):
        stage.ask("GetRecords", ShardIterator=at)
    stage.wait(1.0)
    assert stage.ask("GetRecords", ShardIterator=at)["Records"] == []


def test_two_readers_of_five_reads_each_are_refused_half_of_the_time() -> None:
    stage = Stage()
    stage.stream()
    at, refused = stage.iterator(), 0
    for _ in range(100):  # ten seconds of two readers
        try:
            stage.ask("GetRecords", ShardIterator=at)
        except ServiceError:
            refused += 1
        stage.wait(0.1)

    assert refused == pytest.approx(50, abs=5)


def test_a_full_read_is_followed_by_five_seconds_of_refusals() -> None:
    stage = Stage()
    stage.stream(MaxRecordSizeInKiB=10240)
    for _ in range(11):
        assert stage.put(1, size=MIB - 100)["FailedRecordCount"] == 0
        stage.wait(1.1)
    at = stage.iterator()

    first = stage.ask("GetRecords", ShardIterator=at)
    assert sum(len(one["Data"]) for one in first["Records"]) > 9.9 * MIB
    for _ in range(4):
        stage.wait(1.2)
        with pytest.raises(ServiceError, match="Rate exceeded"):
            stage.ask("GetRecords", ShardIterator=at)
    stage.wait(0.3)
    assert len(stage.ask("GetRecords", ShardIterator=first["NextShardIterator"])["Records"]) == 1


def test_two_mebibytes_a_second_are_read_and_then_a_second_is_refused() -> None:
    stage = Stage()
    stage.stream()
    for _ in range(3):
        stage.put(1, size=MIB - 1)
        stage.wait(1.1)
    at = stage.iterator()
    for _ in range(2):
        at = stage.ask("GetRecords", ShardIterator=at, Limit=1)["NextShardIterator"]

    with pytest.raises(ServiceError, match="Rate exceeded"):
        stage.ask("GetRecords", ShardIterator=at, Limit=1)
    stage.wait(0.9)
    with pytest.raises(ServiceError, match="Rate exceeded"):
        stage.ask("GetRecords", ShardIterator=at, Limit=1)
    stage.wait(0.2)
    assert len(stage.ask("GetRecords", ShardIterator=at, Limit=1)["Records"]) == 1


@pytest.mark.parametrize(
    ("operation", "rate", "given"),
    [
        ("DescribeLimits", 1, {}),
        ("ListStreams", 5, {}),
        ("DescribeStream", 10, {"StreamName": "s"}),
        ("DescribeStreamSummary", 20, {"StreamName": "s"}),
        ("ListShards", 1000, {"StreamName": "s"}),
    ],
)
def test_the_control_plane_has_its_rates(operation: str, rate: int, given: dict[str, str]) -> None:
    stage = Stage()
    stage.stream()
    for _ in range(rate):
        stage.ask(operation, **given)

    with pytest.raises(ServiceError, match="Rate exceeded") as refused:
        stage.ask(operation, **given)
    assert refused.value.code == "LimitExceededException"
    stage.wait(1.0)
    stage.ask(operation, **given)


def test_five_iterators_a_second_and_shard() -> None:
    stage = Stage()
    stage.stream(shards=2)
    for _ in range(6):
        with pytest.raises(ServiceError, match="no StartingSequenceNumber"):  # what is wrong is not counted
            stage.iterator("AT_SEQUENCE_NUMBER")
    for _ in range(5):
        stage.iterator()

    with pytest.raises(ServiceError, match="Rate exceeded"):
        stage.iterator()
    stage.iterator(shard=1)
