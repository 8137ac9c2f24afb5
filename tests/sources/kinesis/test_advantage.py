"""How many consumers may be registered: 20, and 50 where an on-demand stream's account has On-demand Advantage."""

from typing import Any

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.reference.aws.server import ReferenceAws
from tests.reference.kinesis.acting import Time, client, cloud
from tests.sources.kinesis.test_source import broken
from tests.sources.kinesis.watching import Eyes

ON_DEMAND = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}


def make(aws: ReferenceAws, time: Time, *, has_advantage: bool) -> None:
    """Make two streams of each mode, one of them with ten consumers."""
    kinesis = client(aws)
    kinesis.update_account_settings(
        MinimumThroughputBillingCommitment={"Status": "ENABLED" if has_advantage else "DISABLED"}
    )
    modes: dict[str, dict[str, Any]] = {"p": {"ShardCount": 1}, "d": ON_DEMAND}
    for name, mode in modes.items():
        kinesis.create_stream(StreamName=name, **mode)
        kinesis.create_stream(StreamName=f"{name}-alone", **mode)
        arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        for number in range(10):
            time.advance(1)
            kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{number}")


@pytest.mark.parametrize(
    ("has_advantage", "more", "ratios"),
    [
        (False, "", {("p",): 0.5, ("d",): 0.5}),
        (True, "", {("p",): 0.5, ("d",): 0.2}),
        (True, "consumers_per_stream: 100", {("p",): 0.1, ("d",): 0.1}),
    ],
)
def test_the_limit_is_that_of_the_account(*, has_advantage: bool, more: str, ratios: dict[Any, float]) -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, time, has_advantage=has_advantage)
        eyes = Eyes(aws, time, more=more)
        eyes.read()

        assert eyes.problems() == set()
        assert eyes.all(k.CONSUMERS_LIMIT_RATIO) == {**ratios, ("p-alone",): 0, ("d-alone",): 0}
        asked = {one.operation for one in eyes.snapshot.calls}
        assert ("DescribeAccountSettings" in asked) == (not more)


def test_a_limit_that_could_not_be_asked_for_is_not_known_and_asked_for_again() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, time, has_advantage=True)
        broken(aws, "deny", operation="DescribeAccountSettings")
        eyes = Eyes(aws, time)
        eyes.read()
        assert eyes.problems() == {("region", "denied")}
        assert eyes.all(k.CONSUMERS_LIMIT_RATIO) == {("p",): 0.5, ("p-alone",): 0, ("d-alone",): 0}

        broken(aws, "deny", operation="DescribeAccountSettings", on=False)
        for minute in range(33):
            if minute == 11:
                broken(aws, "deny", operation="DescribeAccountSettings")
            time.advance(60)
            eyes.read()
            assert (eyes.value(k.CONSUMERS_LIMIT_RATIO, "d") == 0.2) == (minute <= 30), "learnt again in minute 10"


def test_an_account_without_consumers_on_demand_is_not_asked() -> None:
    with cloud() as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="d", **ON_DEMAND)
        kinesis.create_stream(StreamName="p", ShardCount=1)
        eyes = Eyes(aws, Time(aws.clock()))
        eyes.read()

        assert "DescribeAccountSettings" not in {one.operation for one in eyes.snapshot.calls}
