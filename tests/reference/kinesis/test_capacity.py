"""What is new at AWS: On-demand Advantage, warm throughput, how records are spread, and what a summary says of them."""

from collections import Counter

import pytest

from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.limits import MIB
from tests.reference.kinesis.acting import Stage

ON_DEMAND = {"StreamMode": "ON_DEMAND"}
DAY = 86_400


def on_demand(stage: Stage, name: str = "s", **given: object) -> str:
    stage.ask("CreateStream", StreamName=name, StreamModeDetails=ON_DEMAND, **given)
    return stage.kinesis.arn_of(name)


def commit(stage: Stage, status: str = "ENABLED") -> str:
    found = stage.ask("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": status})
    assert found == stage.ask("DescribeAccountSettings")
    return str(found["MinimumThroughputBillingCommitment"]["Status"])


def test_a_commitment_lasts_for_a_day_at_least() -> None:
    stage = Stage()
    assert commit(stage, "DISABLED") == "DISABLED"
    assert commit(stage) == "ENABLED"
    stage.wait(3600)
    assert commit(stage, "DISABLED") == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    assert commit(stage) == "ENABLED"
    stage.wait(DAY)
    assert commit(stage) == "ENABLED"
    assert commit(stage, "DISABLED") == "DISABLED"


def test_a_commitment_that_was_ended_early_ends_after_its_day() -> None:
    stage = Stage()
    commit(stage)
    commit(stage, "DISABLED")
    stage.wait(DAY + 1)
    assert commit(stage, "DISABLED") == "DISABLED"


def test_warm_throughput_is_there_before_the_traffic() -> None:
    stage = Stage()
    commit(stage)
    arn = on_demand(stage, WarmThroughputMiBps=9)
    stream = stage.kinesis.streams["s"]
    assert len(stream.open_shards) == 9

    answer = stage.ask("UpdateStreamWarmThroughput", StreamARN=arn, WarmThroughputMiBps=20)
    assert answer["WarmThroughput"] == {"TargetMiBps": 20, "CurrentMiBps": 9}
    assert len(stream.open_shards) == 20
    summary = stage.ask("DescribeStreamSummary", StreamName="s")["StreamDescriptionSummary"]
    assert summary["WarmThroughput"] == {"TargetMiBps": 20, "CurrentMiBps": 20}
    stage.ask("UpdateStreamWarmThroughput", StreamARN=arn, WarmThroughputMiBps=0)
    assert len(stream.open_shards) == 4


@pytest.mark.parametrize(
    ("advantage", "mode", "mibps", "code"),
    [
        (False, "ON_DEMAND", 5, "InvalidArgumentException"),
        (True, "PROVISIONED", 5, "InvalidArgumentException"),
        (True, "ON_DEMAND", 10_241, "LimitExceededException"),
    ],
)
def test_warm_throughput_is_refused(advantage: bool, mode: str, mibps: int, code: str) -> None:  # noqa: FBT001 - a table
    stage = Stage()
    if advantage:
        commit(stage)
    if mode == "ON_DEMAND":
        on_demand(stage)
    else:
        stage.stream()
    arn = stage.kinesis.arn_of("s")
    shards = {} if mode == "ON_DEMAND" else {"ShardCount": 1}
    for operation, given in (
        ("UpdateStreamWarmThroughput", {"StreamARN": arn}),
        ("UpdateStreamMode", {"StreamARN": arn, "StreamModeDetails": {"StreamMode": mode}}),
        ("CreateStream", {"StreamName": "t", "StreamModeDetails": {"StreamMode": mode}} | shards),
    ):
        with pytest.raises(ServiceError) as refused:
            stage.ask(operation, WarmThroughputMiBps=mibps, **given)
        assert refused.value.code == code
    assert list(stage.kinesis.streams) == ["s"]


@pytest.mark.parametrize(("advantage", "mode", "most"), [(False, "ON_DEMAND", 20), (True, "ON_DEMAND", 50),
                                                         (True, "PROVISIONED", 20)])  # fmt: skip
def test_fifty_consumers_where_the_account_has_the_advantage(advantage: bool, mode: str, most: int) -> None:  # noqa: FBT001
    stage = Stage()
    if advantage:
        commit(stage)
    arn = on_demand(stage) if mode == "ON_DEMAND" else stage.stream().arn
    for number in range(most):
        stage.wait(1)
        stage.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName=f"c{number}")

    stage.wait(1)
    with pytest.raises(ServiceError) as refused:
        stage.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName="more")
    assert refused.value.code == "LimitExceededException"


def test_records_are_spread_evenly_whatever_their_key() -> None:
    stage = Stage()
    arn = on_demand(stage)
    assert len({one["ShardId"] for one in stage.put(100)["Records"]}) == 1
    stage.ask("UpdateStreamRecordDistributionStrategy", StreamARN=arn, RecordDistributionStrategy="AUTO")

    assert set(Counter(one["ShardId"] for one in stage.put(100)["Records"]).values()) == {25}
    stage.ask("PutRecord", StreamName="s", Data=b"")  # no key is needed
    summary = stage.ask("DescribeStreamSummary", StreamName="s")["StreamDescriptionSummary"]
    assert (summary["RecordDistributionStrategy"], summary["ChannelCount"], summary["QueueCount"]) == ("AUTO", 0, 0)
    with pytest.raises(ServiceError, match="ON_DEMAND mode only"):
        stage.ask("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})


def test_a_provisioned_stream_spreads_by_key_only() -> None:
    stage = Stage()
    arn = stage.stream().arn
    with pytest.raises(ServiceError, match="ON_DEMAND mode only") as refused:
        stage.ask("UpdateStreamRecordDistributionStrategy", StreamARN=arn, RecordDistributionStrategy="AUTO")
    assert refused.value.code == "InvalidArgumentException"
    with pytest.raises(ServiceError, match="ON_DEMAND mode only"):
        stage.stream("t", RecordDistributionStrategy="AUTO")


def test_a_record_of_ten_mebibytes_is_taken_once_the_stream_allows_it() -> None:
    stage = Stage()
    arn = stage.stream().arn
    with pytest.raises(ServiceError, match="1024 KiB"):
        stage.put(1, size=10 * MIB - 1)
    stage.ask("UpdateMaxRecordSize", StreamARN=arn, MaxRecordSizeInKiB=10_240)

    assert stage.put(1, size=10 * MIB - 1)["FailedRecordCount"] == 0
    (record,) = stage.ask("GetRecords", ShardIterator=stage.iterator())["Records"]
    assert len(record["Data"]) == 10 * MIB - 1
