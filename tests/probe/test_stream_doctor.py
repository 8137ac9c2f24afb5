"""What the doctor says of a stream's probe: whether it may, and what it costs."""

from collections.abc import Iterator

import pytest

from streamwatch.advice.config import Prices, RegionPrices
from streamwatch.cli.probe_cost import cost
from streamwatch.core.clock import SystemClock
from streamwatch.model.finding import Finding
from streamwatch.probe.stream_doctor import ProbedStream, examine, policy
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.server import ReferenceAws
from tests.probe.stream_making import STREAM, account, make_stream
from tests.waiting import wait_for

PRICES = Prices(
    date="2026-01-01",
    kinesis=(
        RegionPrices(
            region="us-east-1", shard_hour=0.015, million_put_units=0.014, stream_hour=0.04, gigabyte_in=0.08,
            gigabyte_out=0.04,
        ),
    ),
)  # fmt: skip


@pytest.fixture
def aws() -> Iterator[ReferenceAws]:
    with ReferenceAws() as made:
        yield made


def findings(aws: ReferenceAws) -> list[Finding]:
    config = account(aws.url)
    return list(examine(config, SystemClock(), lambda stream: cost(config, stream, PRICES)))


def make(aws: ReferenceAws) -> None:
    make_stream(aws)
    wait_for(lambda: aws.do(lambda cloud, _: cloud.kinesis().streams[STREAM].status) == "ACTIVE", 180, "it is there")


def records(aws: ReferenceAws) -> int:
    return aws.do(lambda cloud, _: sum(len(one.records) for one in cloud.kinesis().streams[STREAM].shards.values()))


def test_a_stream_that_is_missing_is_made_by_a_command_whose_price_is_said_first(aws: ReferenceAws) -> None:
    price, missing = findings(aws)

    assert price.detail == (
        "1 shard for a month, and 5.26 million PUT payload units cost 11.02 dollars, by your prices of 2026-01-01"
    )
    assert missing.verdict == "failed"
    assert f"create-stream --region us-east-1 --stream-name {STREAM} --shard-count 1" in missing.remedy


def test_the_price_is_said_before_one_record_is_written_and_read(aws: ReferenceAws) -> None:
    make(aws)
    config, before = account(aws.url), []

    def found(stream: ProbedStream) -> Finding:
        before.append(records(aws))
        return cost(config, stream, PRICES)

    price, rights = examine(config, SystemClock(), found)

    assert (price.verdict, rights.verdict) == ("ok", "ok")
    assert (before, records(aws)) == ([0], 1)


@pytest.mark.parametrize("operation", ["DescribeStreamSummary", "PutRecord", "GetShardIterator", "GetRecords"])
def test_a_right_that_is_missing_is_named_with_the_policy_that_grants_it(aws: ReferenceAws, operation: str) -> None:
    make(aws)
    aws.do(lambda cloud, now: faults.apply(cloud, now, "deny", {"operation": operation}))
    found = findings(aws)[-1]

    assert found.verdict == "failed"
    assert f"kinesis:{operation}" in found.detail
    assert found.remedy == policy(account(aws.url))
    assert f'"Resource": "arn:aws:kinesis:us-east-1:<account>:stream/{STREAM}"' in found.remedy


def test_an_hour_on_demand_and_more_records_cost_more_and_no_price_is_made_up() -> None:
    config = account("http://nowhere.example")
    on_demand = cost(config, ProbedStream("ON_DEMAND", 4), PRICES)
    two = cost(config, ProbedStream("PROVISIONED", 2), PRICES)
    unknown = cost(config, ProbedStream("PROVISIONED", 1), None)

    assert "a stream on demand for a month, and 5.26 million records of 1 KB cost 29.61 dollars" in on_demand.detail
    assert two.detail.startswith("2 shards for a month, and 5.26 million PUT payload units cost 21.97 dollars")
    assert unknown.verdict == "warning"
    assert unknown.detail.endswith("what they cost in us-east-1 `advise.prices` does not say")
