"""The reference refuses what AWS refuses, by AWS's codes; beside other emulators: tests/real/test_refusals_table.py."""

import itertools

import pytest

from streamwatch.reference.kinesis.account import AccountLimits
from streamwatch.reference.kinesis.errors import ServiceError
from tests.reference.kinesis.acting import NOON, Stage, Time, cloud
from tests.reference.kinesis.refusals import LIMITS, REFUSALS, Asker, answers


def test_what_aws_refuses_is_refused_by_its_codes() -> None:
    ticks = itertools.count(NOON)  # a second for each look: no limit is ever met
    with cloud(clock=lambda: next(ticks)) as aws:
        assert {case.what: found for case, found in answers(Asker(aws.url), REFUSALS)} == {
            case.what: case.code for case in REFUSALS
        }


def test_what_comes_too_fast_is_refused_by_aws_codes() -> None:
    for case in LIMITS:
        with cloud(Time()) as aws:
            assert list(answers(Asker(aws.url), (case,))) == [(case, case.code)]


def test_a_sixth_stream_waits_until_one_of_five_is_made() -> None:
    stage = Stage(AccountLimits(create_seconds=10))
    for number in range(5):
        stage.ask("CreateStream", StreamName=f"s{number}", ShardCount=1)
    stage.wait(1)
    with pytest.raises(ServiceError, match="5 streams in state CREATING") as refused:
        stage.ask("CreateStream", StreamName="s5", ShardCount=1)
    assert refused.value.code == "LimitExceededException"
    stage.wait(10)
    stage.ask("CreateStream", StreamName="s5", ShardCount=1)


def test_tokens_of_pages_lead_on_and_expire() -> None:
    stage = Stage()
    arn = stage.stream("a").arn
    stage.stream("b")
    for name in ("c", "d"):
        stage.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName=name)
    stage.wait(1)
    pages = (
        ("ListStreams", {"Limit": 1}, lambda answer: answer["StreamNames"], ["b"]),
        ("ListStreamConsumers", {"StreamARN": arn, "MaxResults": 1},
         lambda answer: [one["ConsumerName"] for one in answer["Consumers"]], ["d"]),
    )  # fmt: skip
    for operation, given, names, second in pages:
        token = stage.ask(operation, **given)["NextToken"]
        assert names(stage.ask(operation, **given, NextToken=token)) == second
        stage.wait(301)
        with pytest.raises(ServiceError) as refused:
            stage.ask(operation, **given, NextToken=token)
        assert refused.value.code == "ExpiredNextTokenException"
