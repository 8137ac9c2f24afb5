"""Sequence numbers: as AWS builds them, checked on genuine ones, and what is refused where one is asked for."""

import pytest

from streamwatch.reference.kinesis import sequence
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.shard import HASHES
from streamwatch.reference.kinesis.stream import Stream
from tests.reference.kinesis.acting import NOON, Stage

GENUINE = (
    (49590338271490256608559692538361571095921575989136588898, 1545084650.987, 6),
    (49630081666084879290581185630324770398608704880802529282, 1654161514.132, 0),
    (49631783078782244062766649846789567042518784522594549762, 1658933550.303, 0),
    (49634871856207391309887373936488347325069951854572470306, 1667723578.271, 2),
    (49636674106407327729976759147118224854495581328161898498, 1672650485.394, 0),
    (49641667361005213384739839176645187418587579714681962498, 1686632116.285, 0),
    (49653380266869210284279187494166268768490024449278476290, 1719459476.041, 0),
    (49654139499842831375873712704771204015368165377871708162, 1721633736.064, 0),
)
"""Sequence numbers that AWS made, when their records arrived, and the index of their shard: out of public events."""


@pytest.mark.parametrize(("number", "arrived", "shard"), GENUINE)
def test_a_genuine_number_is_read_and_built_again(number: int, arrived: float, shard: int) -> None:
    found = sequence.read(number)

    assert found is not None
    assert (found.version, found.shard) == (2, shard)
    assert 0.3 <= arrived - found.written <= 2.5
    assert found.made <= found.written
    starting = sequence.first_of(found.made, shard)
    assert sequence.number_of(starting, sequence.index_of(number), found.made, found.written) == number


def halved(stream: Stage) -> Stream:
    """A stream of one shard that was split in the middle, two seconds after it was made."""
    found = stream.stream()
    stream.put(1)
    stream.wait(2)
    stream.ask("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey=str(HASHES // 2))
    return found


def test_a_closed_shard_ends_at_the_last_index_and_its_children_begin_a_second_later() -> None:
    stage = Stage()
    halved(stage)
    parent, *children = (one["SequenceNumberRange"] for one in stage.ask("ListShards", StreamName="s")["Shards"])

    ending = int(parent["EndingSequenceNumber"])
    assert f"{sequence.index_of(ending):x}" == "7fffffffffffffff"
    assert sequence.written_at(ending) == NOON + 2
    for child in children:
        found = sequence.read(int(child["StartingSequenceNumber"]))
        assert found is not None
        assert (found.made, found.written) == (NOON + 3, NOON + 3)
    number = int(stage.put(1)["Records"][0]["SequenceNumber"])
    assert sequence.written_at(number) == NOON + 3  # never before its shard
    assert "NextShardIterator" not in stage.ask("GetRecords", ShardIterator=stage.iterator())


def test_five_shards_share_an_index() -> None:
    stage = Stage()
    stage.stream(shards=6)
    at = [HASHES * index // 6 for index in range(6)]
    keys = [{"Data": b"", "PartitionKey": "k", "ExplicitHashKey": str(one)} for one in (*at, *at)]
    stage.wait(1)

    answer = stage.ask("PutRecords", StreamName="s", Records=keys)["Records"]
    indexes = [sequence.index_of(int(one["SequenceNumber"])) for one in answer]
    assert indexes == [0, 1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 1]


def test_a_record_of_the_second_in_which_its_shard_was_made_is_after_its_beginning() -> None:
    stage = Stage()
    shard = stage.stream().open_shards[0]

    assert int(stage.put(1)["Records"][0]["SequenceNumber"]) > shard.starting


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (1, "It encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000"),
        (int("4" * 56), "is invalid."),
        (GENUINE[0][0], "It encodes shardId-000000000006"),
        (GENUINE[1][0], "is invalid because it did not come from this stream"),
        (0x20000000000800000000000000000000000000000000002, "is invalid."),
        (0x20000000000000000000000000000000000000800000002, "It encodes shardId--02147483648"),
        (0x13BB2CC3D80000000000000000000000, "is invalid."),
    ],
)
def test_a_sequence_number_of_elsewhere_or_none_is_refused(number: int, why: str) -> None:
    stage = Stage()
    stage.stream()
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        with pytest.raises(ServiceError) as refused:
            stage.iterator(kind, StartingSequenceNumber=str(number))
        assert refused.value.code == "InvalidArgumentException"
        assert why in str(refused.value)


def test_a_sequence_number_of_another_time_is_refused() -> None:
    stage = Stage()
    stream = halved(stage)
    parent = stream.shards["shardId-000000000000"]
    before, after = (sequence.first_of(parent.born + by, 0) for by in (-1, 1))
    for number in (before, after, parent.last_number + 2**200):
        with pytest.raises(ServiceError):
            stage.iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber=str(number))
    assert stage.iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber=str(parent.last_number))


def test_a_number_of_the_oldest_kind_fails_inside_as_it_does_at_aws() -> None:
    stage = Stage()
    stage.stream()

    with pytest.raises(ServiceError) as refused:
        stage.iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber="0")
    assert (refused.value.code, refused.value.status) == ("InternalFailure", 500)


@pytest.mark.parametrize(
    "number",
    [
        0x20000000000000000000000000000000000000000000000,  # version 0
        0x20000000000000000000000000000000000000000000003,
        0x20000000000000000000000000000000000000000000004,
        0x30000000000000000000000000000000000000000000001,  # initial 3
        0x1FFFFFFFFFF7FFFFFFFFFFFFFFF000000000007FFFFFFF2,  # initial 1
        0x20000000000800000000000000000000000000000000002,  # an index that is too high
        0x2FFFFFFFFFF7FFFFFFFFFFFFFFF000000000007FFFFFFF2,
        0x13BB2CC3D80000000000000000000000,  # made too late
        sequence.number_of(sequence.first_of(int(NOON), 0), 0, int(NOON), int(NOON) + 1),  # of a second to come
    ],
)
def test_garbage_as_a_sequence_number_for_ordering_is_refused(number: int) -> None:
    stage = Stage()
    stage.stream()

    with pytest.raises(ServiceError, match=f"ExclusiveMinimumSequenceNumber {number} used in PutRecord") as refused:
        stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k", SequenceNumberForOrdering=str(number))
    assert refused.value.code == "InvalidArgumentException"


@pytest.mark.parametrize(
    "number",
    [
        0x20000000000000000000000000000000000000000000001,
        0x20000000000000000000000000000000000000000000002,
        0x20000000000000000000000000000000000000800000002,
        GENUINE[0][0],
    ],
)
def test_what_aws_takes_for_ordering_is_taken(number: int) -> None:
    stage = Stage()
    stage.stream()

    assert stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k", SequenceNumberForOrdering=str(number))
