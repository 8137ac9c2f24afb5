"""Answers that are none, or lack something: a problem, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.model.metric import Metric
from tests.reference.kinesis.acting import Time, client, cloud
from tests.sources.kinesis.test_source import broken, make
from tests.sources.kinesis.watching import Eyes

TOLD = {k.OPEN_SHARDS, k.RETENTION, k.CLOSED_SHARDS, k.CONSUMERS}
"""What a description tells."""


@pytest.mark.parametrize("answers", ["garbage", "truncated", "empty", "error"])
def test_answers_that_are_none_are_a_problem_and_nothing_else(answers: str) -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        eyes = Eyes(aws, time)
        eyes.read()
        broken(aws, "spoil", answers=answers)
        time.advance(60)
        eyes.read()  # what is known of the streams is five minutes old at the most
        assert eyes.problems()
        assert eyes.value(k.OPEN_SHARDS) == 1
        time.advance(301)
        eyes.read()
        assert not eyes.snapshot.is_up
        assert eyes.all(k.STREAM_UP) == {}
        broken(aws, "heal")
        time.advance(60)
        eyes.read()
        assert (eyes.problems(), eyes.value(k.OPEN_SHARDS)) == (set(), 1)


@pytest.mark.parametrize(
    ("operation", "part", "field", "missing"),
    [
        ("DescribeStreamSummary", "StreamDescriptionSummary", "StreamStatus", TOLD),
        ("DescribeStreamSummary", "StreamDescriptionSummary", "RetentionPeriodHours", TOLD),
        ("ListShards", "Shards", "HashKeyRange", {k.CLOSED_SHARDS}),
        ("ListStreamConsumers", "Consumers", "ConsumerName", {k.CONSUMERS}),
    ],
)
def test_an_answer_that_lacks_a_field_costs_its_own_stream_only(
    operation: str, part: str, field: str, missing: set[Metric]
) -> None:
    time = Time()
    with cloud(time) as aws:
        kinesis = client(aws)
        for name in ("s", "t"):
            kinesis.create_stream(StreamName=name, ShardCount=1)
            arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
            kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
        eyes = Eyes(aws, time)
        with lacking(eyes, operation, part, field):
            eyes.read()

        assert eyes.problems() == {("stream", "misread")}
        assert all("stream s:" in one.detail and field in one.detail for one in eyes.snapshot.problems)
        for metric in TOLD:
            assert eyes.all(metric).keys() == ({("t",)} if metric in missing else {("s",), ("t",)}), metric.name


@contextmanager
def lacking(eyes: Eyes, operation: str, part: str, field: str) -> Iterator[None]:
    """Let the answers on stream ``s`` lack a field."""
    caller: Any = eyes.source._caller
    call = caller.call

    def bare(service: str, region: str, name: str, given: Any, **how: Any) -> Any:
        answer = call(service, region, name, given, **how)
        if name == operation and (given.get("StreamName") == "s" or "stream/s" in given.get("StreamARN", "")):
            found = answer[part]
            for one in found if isinstance(found, list) else [found]:
                del one[field]
        return answer

    caller.call = bare
    yield
    caller.call = call
