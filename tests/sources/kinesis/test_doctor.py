"""The check-up of an account: every right that is missing is named, with the policy that gives it."""

import json

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.model.finding import Finding
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.sources.kinesis.doctor import examine
from tests.reference.kinesis.acting import Time, client, cloud
from tests.sources.kinesis.watching import config

RIGHTS = {
    "ListStreams": "kinesis:ListStreams",
    "DescribeLimits": "kinesis:DescribeLimits",
    "DescribeAccountSettings": "kinesis:DescribeAccountSettings",
    "DescribeStreamSummary": "kinesis:DescribeStreamSummary",
    "ListShards": "kinesis:ListShards",
    "ListStreamConsumers": "kinesis:ListStreamConsumers",
    "GetMetricData": "cloudwatch:GetMetricData",
    "GetResources": "tag:GetResources",
    "GetShardIterator": "kinesis:GetShardIterator",
    "GetRecords": "kinesis:GetRecords",
}
ALL = "streams: {tags: ['team']}\n    probe: {enabled: true}"


def findings(aws: ReferenceAws, more: str = ALL) -> dict[str, Finding]:
    client(aws).create_stream(StreamName="s", ShardCount=1)
    return {one.step: one for one in examine(config(aws.url, more), Time(aws.clock()))}


def test_every_call_that_the_agent_makes_is_tried() -> None:
    with cloud() as aws:
        found = findings(aws)

    assert set(found) == {"credentials", *RIGHTS}
    assert {one.verdict for one in found.values()} == {"ok"}


@pytest.mark.parametrize("operation", RIGHTS)
def test_a_missing_right_is_named_with_its_policy(operation: str) -> None:
    with cloud() as aws:
        aws.do(lambda cloud, now: faults.deny(cloud, now, operation=operation))
        found = findings(aws)[operation]

    assert found.verdict == "failed"
    policy = json.loads(found.remedy.partition(": ")[2])
    assert policy == {"Effect": "Allow", "Action": RIGHTS[operation], "Resource": "*"}


def test_reading_is_tried_where_checkpoints_are_probed() -> None:
    with cloud() as aws:
        found = findings(aws, "readers: {kcl: {enabled: true, probe: {enabled: true}}}")

    assert found["GetRecords"].verdict == "ok"


def test_what_is_not_used_is_not_tried() -> None:
    with cloud() as aws:
        found = findings(aws, "consumers_per_stream: 20\n    cloudwatch: {enabled: false}")

    assert {"GetMetricData", "GetResources", "GetRecords", "DescribeAccountSettings"} & set(found) == set()


def test_an_endpoint_that_does_not_answer_is_told() -> None:
    with cloud() as aws:
        url = aws.url
    who, found = examine(config(url), Time())

    assert (who.step, who.verdict) == ("credentials", "warning")  # STS alone could be missing
    assert (found.step, found.verdict, "endpoint_url" in found.remedy) == ("ListStreams", "failed", True)


def test_the_provider_of_the_credentials_is_named() -> None:
    with cloud() as aws:
        found = findings(aws)["credentials"]

    assert found.verdict == "ok"
    assert found.detail.endswith("; from access_key_id (configuration)")


def test_sts_is_not_needed() -> None:
    with cloud() as aws:
        aws.do(lambda cloud, now: faults.deny(cloud, now, operation="GetCallerIdentity"))
        found = findings(aws)

    assert {step for step, one in found.items() if one.verdict != "ok"} == {"credentials"}
    assert found["credentials"].verdict == "warning"
    assert set(RIGHTS) <= found.keys()


def test_a_region_without_streams_is_named() -> None:
    with cloud() as aws:
        found = {one.step: one for one in examine(config(aws.url, regions="eu-west-1"), Time(aws.clock()))}

    assert (found["streams"].verdict, found["streams"].detail) == ("warning", "no streams in eu-west-1; wrong region?")


def test_a_rate_that_is_used_up_for_a_moment_is_waited_for() -> None:
    with cloud() as aws:
        client(aws).create_stream(StreamName="s", ShardCount=1)
        for _ in range(2):  # AWS allows one a second
            steps = {one.step: one.verdict for one in examine(config(aws.url, ALL), SystemClock())}
            assert set(steps.values()) == {"ok"}, steps


def test_a_rate_that_stays_used_up_is_a_warning_and_no_missing_right() -> None:
    with cloud() as aws:
        aws.do(lambda cloud, now: faults.apply(cloud, now, "throttle", {"operation": "ListShards"}))
        found = findings(aws)["ListShards"]

    assert found.verdict == "warning"
    assert "Policy" not in found.remedy
