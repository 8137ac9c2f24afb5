"""Putting and reading: iterators of every kind, how far behind, partial failure, and what CloudWatch is told of it."""

import base64
from typing import Any

import pytest

from streamwatch.reference.kinesis.errors import ServiceError
from tests.reference.kinesis.acting import Stage


def read(stage: Stage, at: str, **given: Any) -> list[bytes]:
    return [one["Data"] for one in stage.ask("GetRecords", ShardIterator=at, **given)["Records"]]


def filled() -> tuple[Stage, list[str], list[float]]:
    """Five records, ten seconds apart: their stage, sequence numbers and times."""
    stage = Stage()
    stage.stream()
    numbers, times = [], []
    for index in range(5):
        answer = stage.ask("PutRecord", StreamName="s", Data=str(index).encode(), PartitionKey="k")
        numbers.append(answer["SequenceNumber"])
        times.append(stage.now)
        stage.wait(10)
    return stage, numbers, times


def test_iterators_of_every_kind_begin_where_they_say() -> None:
    stage, numbers, times = filled()

    assert read(stage, stage.iterator("TRIM_HORIZON")) == [b"0", b"1", b"2", b"3", b"4"]
    assert read(stage, stage.iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2])) == [b"2", b"3", b"4"]
    assert read(stage, stage.iterator("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2])) == [b"3", b"4"]
    stage.wait(2)
    assert read(stage, stage.iterator("AT_TIMESTAMP", Timestamp=times[3])) == [b"3", b"4"]
    assert read(stage, stage.iterator("AT_TIMESTAMP", Timestamp=times[3] + 1)) == [b"4"]
    latest = stage.iterator("LATEST")
    assert read(stage, latest) == []
    stage.put(1)
    stage.wait(2)
    assert read(stage, latest) == [b"x" * 10]


def test_a_type_of_iterator_and_its_sequence_number_fit_together() -> None:
    stage, numbers, _ = filled()

    for kind in ("LATEST", "TRIM_HORIZON"):
        with pytest.raises(
            ServiceError, match=f"Request specified {kind} and also a StartingSequenceNumber"
        ) as refused:
            stage.iterator(kind, StartingSequenceNumber=numbers[0])
        assert refused.value.code == "InvalidArgumentException"
        stage.wait(1)
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with pytest.raises(ServiceError, match=f"Request specified {kind} and no StartingSequenceNumber"):
            stage.iterator(kind)


def test_an_iterator_lives_for_five_minutes_is_opaque_and_cannot_be_made() -> None:
    stage, _, _ = filled()
    at = stage.iterator()
    assert len(at) <= 512
    assert base64.b64decode(at, validate=True)[:8] == (1).to_bytes(8)  # as all of AWS's
    assert "shardId" not in at

    stage.wait(300)
    assert len(read(stage, at)) == 5
    stage.wait(0.1)
    with pytest.raises(ServiceError, match="Iterator expired") as refused:
        read(stage, at)
    assert refused.value.code == "ExpiredIteratorException"
    fresh = stage.iterator()
    for wrong in ("", "AAAA", fresh[:-4] + "AAAA", "!" + fresh[1:]):
        with pytest.raises(ServiceError, match="Invalid ShardIterator"):
            read(stage, wrong)


def test_how_far_behind_a_reader_is() -> None:
    stage, _, _ = filled()  # 50 s ago to 10 s ago

    answer = stage.ask("GetRecords", ShardIterator=stage.iterator(), Limit=2)
    assert answer["MillisBehindLatest"] == 40_000
    rest = stage.ask("GetRecords", ShardIterator=answer["NextShardIterator"])
    assert (len(rest["Records"]), rest["MillisBehindLatest"]) == (3, 0)


def test_a_call_returns_ten_thousand_records_at_most() -> None:
    stage = Stage()
    stage.stream()
    for _ in range(21):
        stage.put(500, size=1)
        stage.wait(0.6)

    first = stage.ask("GetRecords", ShardIterator=stage.iterator())
    assert len(first["Records"]) == 10_000
    assert len(read(stage, first["NextShardIterator"])) == 500


def test_records_are_refused_one_by_one_and_cloudwatch_counts_each() -> None:
    stage = Stage()
    stage.stream()
    stage.ask("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["ALL"])
    for _ in range(3):
        stage.put(400)
    at = stage.iterator()
    for _ in range(7):
        try:
            stage.ask("GetRecords", ShardIterator=at, Limit=100)
        except ServiceError:
            continue
    with pytest.raises(ServiceError):
        stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k")
    stage.wait(60)

    shard = {"StreamName": "s", "ShardId": "shardId-000000000000"}
    for place in ({"StreamName": "s"}, shard):
        assert stage.minute("IncomingRecords", **place) == 1000
        assert stage.minute("IncomingBytes", **place) == 1000 * 11
        assert stage.minute("WriteProvisionedThroughputExceeded", **place) == 201
        assert stage.minute("ReadProvisionedThroughputExceeded", **place) == 2
    assert stage.minute("OutgoingRecords", **shard) == 500
    assert stage.minute("PutRecords.TotalRecords") == 1200
    assert stage.minute("PutRecords.SuccessfulRecords") == 1000
    assert stage.minute("PutRecords.ThrottledRecords") == 200
    assert stage.minute("PutRecords.FailedRecords") == 0
    assert stage.minute("PutRecords.Success", "Average") == 1
    assert stage.minute("PutRecord.Success", "Average") == 0
    assert stage.minute("GetRecords.Success", "Average") == pytest.approx(5 / 7)
    assert stage.minute("GetRecords.Success", "SampleCount") == 7
    assert stage.minute("GetRecords.Records", "Maximum") == 100  # of a call
    assert stage.minute("IncomingRecords", "Minimum") == 200


def test_the_iterator_age_is_there_only_while_somebody_reads() -> None:
    stage = Stage()
    stage.stream()
    stage.put(2)
    stage.wait(45)
    stage.ask("GetRecords", ShardIterator=stage.iterator(), Limit=1)
    stage.wait(60)
    assert stage.minute("GetRecords.IteratorAgeMilliseconds", "Maximum") == 45_000

    stage.put(1)
    stage.wait(60)
    assert stage.minute("GetRecords.IteratorAgeMilliseconds", "Maximum") is None
    assert stage.minute("IncomingRecords") == 1


def test_a_share_of_the_records_fails_inside() -> None:
    stage = Stage()
    stage.stream()
    stage.kinesis.broken.failing = 0.25

    answer = stage.put(100)

    assert answer["FailedRecordCount"] == 25
    assert {one.get("ErrorCode") for one in answer["Records"]} == {None, "InternalFailure"}
    stage.kinesis.broken.failing = 1.0
    with pytest.raises(ServiceError, match="Internal") as refused:
        stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k")
    assert refused.value.status == 500


def test_a_request_is_ten_mebibytes_at_most() -> None:
    stage = Stage()
    stage.stream(MaxRecordSizeInKiB=10240)

    with pytest.raises(ServiceError, match="10 MB"):
        stage.put(3, size=4 * 2**20)


def test_a_stream_made_again_is_another() -> None:
    stage = Stage()
    stage.stream()
    stage.put(1)
    at = stage.iterator()
    stage.ask("DeleteStream", StreamName="s")
    stage.wait(1)
    stage.stream()

    with pytest.raises(ServiceError, match="Could not find shard"):
        read(stage, at)
    assert read(stage, stage.iterator()) == []
