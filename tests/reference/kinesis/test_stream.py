"""Shards: routing, splitting, merging, resizing, expiry; and that nothing is lost or out of order through all that."""

import hashlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamwatch.reference.kinesis import sequence
from streamwatch.reference.kinesis.account import AccountLimits
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.shard import HASHES
from streamwatch.reference.kinesis.stream import Stream
from tests.reference.kinesis.acting import Stage


def covers(stream: Stream) -> bool:
    """Whether the open shards cover all hash keys, each once."""
    edges = [(one.first, one.last) for one in stream.open_shards]
    return edges[0][0] == 0 and edges[-1][1] == HASHES - 1 and all(
        a[1] + 1 == b[0] for a, b in pairwise(edges)
    )  # fmt: skip


def test_a_key_goes_to_the_shard_of_its_md5() -> None:
    stage = Stage()
    stream = stage.stream(shards=7)

    for number in range(200):
        key = f"key {number}"
        answer = stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey=key)
        shard = stream.shards[answer["ShardId"]]
        assert shard.first <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= shard.last  # noqa: S324 - as AWS


def test_an_explicit_hash_key_overrides_the_md5() -> None:
    stage = Stage()
    stage.stream(shards=4)

    for key, shard in (("0", 0), (str(HASHES - 1), 3), (str(HASHES // 2), 2), (str(HASHES // 2 - 1), 1)):
        answer = stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k", ExplicitHashKey=key)
        assert answer["ShardId"] == f"shardId-{shard:012d}"
    with pytest.raises(ServiceError, match="ExplicitHashKey"):
        stage.ask("PutRecord", StreamName="s", Data=b"", PartitionKey="k", ExplicitHashKey=str(HASHES))


def test_sequence_numbers_grow_and_tell_shard_and_time() -> None:
    stage = Stage()
    stage.stream(shards=2)
    numbers = []
    for _ in range(5):
        numbers += [int(one["SequenceNumber"]) for one in stage.put(3)["Records"]]
        stage.wait(61)

    assert numbers == sorted(set(numbers))
    assert all(sequence.is_sequence_number(one) for one in numbers)
    assert {sequence.shard_of(one) for one in numbers} == {int(stage.put(1)["Records"][0]["ShardId"][-1])}
    assert sequence.written_at(numbers[-1]) == int(stage.now - 61)


def test_a_split_closes_the_parent_and_its_children_share_its_range() -> None:
    stage = Stage()
    stream = stage.stream(shards=2)
    middle = HASHES // 4
    stage.ask("SplitShard", StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(middle))

    shards = {one["ShardId"][-1]: one for one in stage.ask("ListShards", StreamName="s")["Shards"]}
    assert "EndingSequenceNumber" in shards["0"]["SequenceNumberRange"]
    assert [shards[one]["ParentShardId"] for one in "23"] == ["shardId-000000000000"] * 2
    assert shards["3"]["HashKeyRange"] == {"StartingHashKey": str(middle), "EndingHashKey": str(HASHES // 2 - 1)}
    assert covers(stream)


@pytest.mark.parametrize("shard", [0, 1])
def test_a_split_is_inside_the_shard_by_more_than_one(shard: int) -> None:
    stage = Stage()
    first, last = (0, HASHES // 2 - 1) if shard == 0 else (HASHES // 2, HASHES - 1)

    def split(at: int) -> None:
        stage.ask("SplitShard", StreamName="s", ShardToSplit=f"shardId-{shard:012d}", NewStartingHashKey=str(at))

    for at in (0, first, first + 1, last, last + 1, HASHES):
        stage.stream(shards=2) if "s" not in stage.kinesis.streams else None
        with pytest.raises(ServiceError, match="greater than one plus the shard's StartingHashKey") as refused:
            split(at)
        assert refused.value.code == "InvalidArgumentException"
        stage.wait(1)
    for at in (first + 2, last - 1):
        stage.ask("DeleteStream", StreamName="s")
        stage.wait(1)
        stream = stage.stream(shards=2)
        split(at)
        assert covers(stream)


def test_a_page_of_shards_is_as_long_as_it_is_asked_for_and_keeps_its_filter() -> None:
    stage = Stage()
    stage.stream(shards=7)
    only = {"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000000"}
    first = stage.ask("ListShards", StreamName="s", MaxResults=2, ShardFilter=only)
    second = stage.ask("ListShards", NextToken=first["NextToken"], MaxResults=3)
    third = stage.ask("ListShards", NextToken=second["NextToken"])

    pages = [[int(one["ShardId"][-1]) for one in page["Shards"]] for page in (first, second, third)]
    assert pages == [[1, 2], [3, 4, 5], [6]]
    assert "NextToken" not in third
    for given in ({"StreamName": "s"}, {"StreamCreationTimestamp": 1.0}):
        with pytest.raises(ServiceError, match="cannot be provided together"):
            stage.ask("ListShards", NextToken=first["NextToken"], **given)
    with pytest.raises(ServiceError, match="not valid"):
        stage.ask("ListShards", NextToken="s/1/shardId-000000000000")
    stage.wait(301)
    with pytest.raises(ServiceError) as refused:
        stage.ask("ListShards", NextToken=first["NextToken"])
    assert refused.value.code == "ExpiredNextTokenException"


def test_a_merge_takes_adjacent_shards_only_and_names_both_parents() -> None:
    stage = Stage()
    stream = stage.stream(shards=3)

    def merge(one: int, other: int) -> None:
        ids = [f"shardId-{each:012d}" for each in (one, other)]
        stage.ask("MergeShards", StreamName="s", ShardToMerge=ids[0], AdjacentShardToMerge=ids[1])

    with pytest.raises(ServiceError, match="not an adjacent pair"):
        merge(0, 2)
    merge(0, 1)
    child = stage.ask("ListShards", StreamName="s")["Shards"][-1]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    assert covers(stream)
    with pytest.raises(ServiceError, match="already been merged or split"):
        merge(1, 2)


@pytest.mark.parametrize(("count", "target"), [(1, 2), (2, 4), (4, 8), (8, 4), (6, 5), (4, 7), (3, 2), (10, 5)])
def test_resizing_makes_so_many_shards_of_equal_ranges(count: int, target: int) -> None:
    stage = Stage()
    stream = stage.stream(shards=count)

    answer = stage.ask("UpdateShardCount", StreamName="s", TargetShardCount=target, ScalingType="UNIFORM_SCALING")

    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (count, target)
    assert [one.first for one in stream.open_shards] == [HASHES * index // target for index in range(target)]
    assert covers(stream)


def test_a_stream_is_resized_by_half_to_double_and_ten_times_a_day() -> None:
    stage = Stage()
    stage.stream(shards=2)

    def resize(to: int) -> None:
        stage.ask("UpdateShardCount", StreamName="s", TargetShardCount=to, ScalingType="UNIFORM_SCALING")

    with pytest.raises(ServiceError, match="between half and double"):
        resize(5)
    for turn in range(10):
        resize(3 if turn % 2 else 4)
        stage.wait(60)
    with pytest.raises(ServiceError, match="10 times") as refused:
        resize(3)
    assert refused.value.code == "LimitExceededException"
    stage.wait(86_400)
    resize(2)


def test_while_a_stream_changes_it_is_written_and_read_but_not_changed() -> None:
    stage = Stage(AccountLimits(create_seconds=10, update_seconds=20))
    stream = stage.stream()
    assert stream.status == "CREATING"
    with pytest.raises(ServiceError, match="not found"):
        stage.put(1)
    stage.wait(10)
    stage.ask("UpdateShardCount", StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")

    assert stream.status == "UPDATING"
    assert stage.put(1)["FailedRecordCount"] == 0
    assert len(stage.ask("GetRecords", ShardIterator=stage.iterator())["Records"]) == 1
    with pytest.raises(ServiceError, match="not ACTIVE, instead in state UPDATING") as refused:
        stage.ask("UpdateShardCount", StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    assert refused.value.code == "ResourceInUseException"
    stage.wait(20)
    assert (stream.status, len(stream.open_shards)) == ("ACTIVE", 2)


def test_a_closed_shard_is_read_to_its_end_and_then_names_its_children() -> None:
    stage = Stage()
    stage.stream()
    stage.put(3)
    stage.ask("SplitShard", StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HASHES // 2))

    first = stage.ask("GetRecords", ShardIterator=stage.iterator(), Limit=2)
    assert (len(first["Records"]), "ChildShards" in first) == (2, False)
    last = stage.ask("GetRecords", ShardIterator=first["NextShardIterator"], Limit=2)
    assert len(last["Records"]) == 1
    assert "NextShardIterator" not in last
    assert [one["ShardId"][-1] for one in last["ChildShards"]] == ["1", "2"]
    assert last["ChildShards"][0]["ParentShards"] == ["shardId-000000000000"]


def test_records_and_closed_shards_expire_with_the_retention() -> None:
    stage = Stage()
    stream = stage.stream()
    stage.put(5)
    stage.wait(3600)
    stage.put(7)
    stage.ask("SplitShard", StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HASHES // 2))
    stage.wait(23 * 3600 + 1)
    assert len(stage.ask("GetRecords", ShardIterator=stage.iterator())["Records"]) == 7

    stage.ask("IncreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=48)
    stage.wait(23 * 3600)
    assert len(stage.ask("GetRecords", ShardIterator=stage.iterator())["Records"]) == 7
    stage.wait(2 * 3600)
    with pytest.raises(ServiceError, match="Could not find shard"):
        stage.iterator()
    assert sorted(stream.shards) == ["shardId-000000000001", "shardId-000000000002"]


@pytest.mark.parametrize(
    ("operation", "hours", "why"),
    [
        ("Increase", 23, "Minimum allowed retention period is 24 hours"),
        ("Increase", 8761, "Maximum allowed retention period is 8760 hours"),
        ("Decrease", 23, "Minimum allowed retention period is 24 hours"),
        ("Increase", 47, "can not be shorter than existing retention period .48 hours.. Use Decrease"),
        ("Decrease", 49, "can not be longer than existing retention period .48 hours.. Use Increase"),
    ],
)
def test_retention_is_a_day_to_a_year(operation: str, hours: int, why: str) -> None:
    stage = Stage()
    stage.stream()
    stage.ask("IncreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=48)

    with pytest.raises(ServiceError, match=why) as refused:
        stage.ask(f"{operation}StreamRetentionPeriod", StreamName="s", RetentionPeriodHours=hours)
    assert refused.value.code == "InvalidArgumentException"


@pytest.mark.parametrize("operation", ["Increase", "Decrease"])
def test_the_present_retention_is_taken_and_changes_nothing(operation: str) -> None:
    stage = Stage(AccountLimits(create_seconds=0, update_seconds=30))
    stream = stage.stream()

    stage.ask(f"{operation}StreamRetentionPeriod", StreamName="s", RetentionPeriodHours=24)
    assert (stream.status, stream.retention_hours) == ("ACTIVE", 24)


@pytest.mark.parametrize("text", ["abc;def", "abc,def", "abc\tdef", "abc\ndef", "abc%def", "abc:def", "abc\u2028def"])
def test_tags_have_the_characters_that_aws_takes(text: str) -> None:
    stage = Stage()
    arn = stage.stream().arn
    for tags in ({text: "1"}, {"a": text}):
        for operation, where in (("AddTagsToStream", {"StreamName": "s"}), ("TagResource", {"ResourceARN": arn})):
            with pytest.raises(ServiceError, match="contain") as refused:
                stage.ask(operation, Tags=tags, **where)
            assert refused.value.code == "InvalidArgumentException"
        with pytest.raises(ServiceError, match="contain"):
            stage.stream("t", Tags=tags)
        assert "t" not in stage.kinesis.streams
    for operation, where in (("RemoveTagsFromStream", {"StreamName": "s"}), ("UntagResource", {"ResourceARN": arn})):
        with pytest.raises(ServiceError, match="contain") as refused:
            stage.ask(operation, TagKeys=[text], **where)
        assert refused.value.code == "InvalidArgumentException"
    stage.ask("AddTagsToStream", StreamName="s", Tags={"\u00dc ber/all=1+2-3@x_y.z": ""})


def test_a_stream_on_demand_grows_with_its_traffic() -> None:
    stage = Stage()
    stage.ask("CreateStream", StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    stream = stage.kinesis.streams["s"]
    assert len(stream.open_shards) == 4
    with pytest.raises(ServiceError, match="ON_DEMAND"):
        stage.ask("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey="5")

    for _ in range(50):
        for number in range(20):
            stage.put(1, size=2**18, key=str(number))
        stage.wait(1.1)

    assert len(stream.open_shards) > 4
    assert covers(stream)


@settings(max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
class Resharding(RuleBasedStateMachine):
    """Whatever is split, merged and resized: every record is read once, a key's in order, parents before children."""

    @initialize()
    def begin(self) -> None:
        self.stage = Stage()
        self.stream = self.stage.stream(shards=2)
        self.sent: dict[str, list[int]] = {}
        self.next = 0

    @rule(key=st.sampled_from("abcdefgh"), count=st.integers(1, 5))
    def put(self, key: str, count: int) -> None:
        for _ in range(count):
            data = str(self.next).encode()
            self.stage.ask("PutRecord", StreamName="s", Data=data, PartitionKey=key)
            self.sent.setdefault(key, []).append(self.next)
            self.next += 1

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.stage.wait(seconds)

    @precondition(lambda self: len(self.stream.open_shards) < 8)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        shard = data.draw(st.sampled_from(self.stream.open_shards))
        if shard.last - shard.first > 10:
            at = data.draw(st.integers(shard.first + 2, shard.last - 1))
            self.stage.wait(1)
            self.stage.ask("SplitShard", StreamName="s", ShardToSplit=shard.id, NewStartingHashKey=str(at))

    @precondition(lambda self: len(self.stream.open_shards) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.stream.open_shards) - 2))
        one, other = self.stream.open_shards[index : index + 2]
        self.stage.wait(1)
        self.stage.ask("MergeShards", StreamName="s", ShardToMerge=one.id, AdjacentShardToMerge=other.id)

    @rule(count=st.integers(1, 6))
    def resize(self, count: int) -> None:
        self.stream.resize(count, self.stage.now)

    @invariant()
    def the_open_shards_cover_all_keys(self) -> None:
        assert covers(self.stream)

    def teardown(self) -> None:
        read: dict[str, list[int]] = {}
        done: set[str] = set()
        left = list(self.stream.shards.values())
        while left:
            ready = [one for one in left if all(parent in done for parent in one.parents)]
            assert ready, "a shard whose parents cannot be read"
            for shard in ready:
                for record in self.everything(shard.index):
                    read.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
                done.add(shard.id)
                left.remove(shard)
        assert read == self.sent

    def everything(self, shard: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        at: str | None = self.stage.iterator(shard=shard)
        while at is not None:
            self.stage.wait(0.3)
            answer = self.stage.ask("GetRecords", ShardIterator=at, Limit=3)
            found += answer["Records"]
            at = answer.get("NextShardIterator")
            if at is not None and not answer["MillisBehindLatest"]:
                break
        return found


TestResharding = Resharding.TestCase
