"""Registered consumers, and subscriptions by boto3's own event stream."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations.consumers import subscribe
from streamwatch.reference.kinesis.subscriptions import Subscription
from tests.reference.kinesis.acting import Stage, client, cloud
from tests.waiting import wait_for


def subscribed(stage: Stage, kind: str = "TRIM_HORIZON", name: str = "c") -> Subscription:
    stream = stage.kinesis.streams["s"]
    if name not in stream.consumers:
        stage.ask("RegisterStreamConsumer", StreamARN=stream.arn, ConsumerName=name)
    given = {
        "ConsumerARN": stream.consumers[name].arn,
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": kind},
    }
    return subscribe(stage.kinesis, given, stage.now)


def events(stage: Stage, subscription: Subscription, seconds: float) -> list[dict[str, Any]]:
    """What is pushed within a time."""
    found = []
    for _ in range(round(seconds * 10)):
        while (event := subscription.next_event(stage.now)) is not None:
            found.append(event)
        stage.wait(0.1)
    return found


def test_every_record_is_pushed_once_two_mebibytes_a_second() -> None:
    stage = Stage()
    stage.stream()
    for _ in range(6):
        stage.put(1, size=2**20 - 1)
        stage.wait(1.1)

    found = events(stage, subscribed(stage), 1.0)
    assert sum(len(one["Records"]) for one in found) == 2
    assert found[-1]["MillisBehindLatest"] > 4000


def test_a_quiet_shard_says_now_and_then_that_the_reader_is_at_the_tip() -> None:
    stage = Stage()
    stage.stream()

    found = events(stage, subscribed(stage, "LATEST"), 21)

    assert len(found) == 5
    assert all((one["Records"], one["MillisBehindLatest"]) == ([], 0) for one in found)


def test_a_subscription_ends_after_five_minutes() -> None:
    stage = Stage()
    stage.stream()
    subscription = subscribed(stage)

    stage.wait(299.9)
    assert not subscription.is_over(stage.now)
    stage.wait(0.2)
    assert subscription.is_over(stage.now)


def test_a_second_call_is_refused_for_five_seconds_and_then_takes_over() -> None:
    stage = Stage()
    stage.stream()
    first = subscribed(stage)

    stage.wait(4.9)
    with pytest.raises(ServiceError, match="Another active subscription") as refused:
        subscribed(stage)
    assert refused.value.code == "ResourceInUseException"
    stage.wait(0.2)
    second = subscribed(stage)
    assert first.is_over(stage.now)
    assert not second.is_over(stage.now)


def test_the_end_of_a_shard_names_its_children() -> None:
    stage = Stage()
    stage.stream()
    stage.put(1)
    subscription = subscribed(stage)
    stage.ask("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey=str(2**127))

    last = events(stage, subscription, 1)[-1]

    assert [one.id for one in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert "ContinuationSequenceNumber" not in last
    assert subscription.is_over(stage.now)


def test_a_stream_has_so_many_consumers_and_each_its_own_lag() -> None:
    stage = Stage()
    stream = stage.stream()
    for number in range(20):
        stage.ask("RegisterStreamConsumer", StreamARN=stream.arn, ConsumerName=f"c{number}")
        stage.wait(0.3)
    with pytest.raises(ServiceError, match="as many consumers as it may"):
        stage.ask("RegisterStreamConsumer", StreamARN=stream.arn, ConsumerName="one more")

    stage.put(1)
    stage.wait(30)
    events(stage, subscribed(stage, name="c3"), 1)
    stage.wait(60)
    assert stage.minute("SubscribeToShardEvent.Records", StreamName="s", ConsumerName="c3") == 1
    assert stage.minute("SubscribeToShardEvent.Records", StreamName="s", ConsumerName="c4") is None
    assert stage.minute("GetRecords.IteratorAgeMilliseconds", "Maximum") is None


def test_boto3_subscribes_and_reads_through_a_split() -> None:
    with cloud() as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
        place = {"ConsumerARN": made, "ShardId": "shardId-000000000000"}
        answer = kinesis.subscribe_to_shard(**place, StartingPosition={"Type": "TRIM_HORIZON"})
        with pytest.raises(ClientError, match="Another active subscription"):
            kinesis.subscribe_to_shard(**place, StartingPosition={"Type": "LATEST"})
        for number in range(3):
            kinesis.put_record(StreamName="s", Data=str(number).encode(), PartitionKey="k")
        kinesis.split_shard(StreamName="s", ShardToSplit=place["ShardId"], NewStartingHashKey=str(2**127))

        found = [one["SubscribeToShardEvent"] for one in answer["EventStream"]]

        assert [record["Data"] for one in found for record in one["Records"]] == [b"0", b"1", b"2"]
        assert [one["ShardId"] for one in found[-1]["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]


def test_a_reader_who_leaves_ends_its_subscription() -> None:
    with cloud() as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
        answer = kinesis.subscribe_to_shard(
            ConsumerARN=made, ShardId="shardId-000000000000", StartingPosition={"Type": "LATEST"}
        )
        next(iter(answer["EventStream"]))
        answer["EventStream"].close()

        def left() -> bool:
            kinesis.put_record(StreamName="s", Data=b"x" * 100_000, PartitionKey="k")
            return aws.do(lambda cloud, now: all(one.is_over(now) for one in cloud.kinesis().subscriptions.values()))

        wait_for(left, 10, "the subscription ends")
