"""Pipes of EventBridge, watched on the reference."""

from typing import Any

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.pipes import Pipe, Pipes
from tests.sources.readers.attaching import CLUSTER, World, world

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"


def pipe(on: World, source: str = STREAM, **settings: Any) -> Pipe:
    poller = on.poller() if source == STREAM else None
    return on.aws.do(lambda cloud, now: cloud.beside(Pipes).create("p", source, settings, now, poller))


def live(on: World, one: Pipe, seconds: float = 120) -> None:
    until = on.time.now() + seconds
    while on.time.now() < until:
        on.put()
        on.aws.do(lambda _, now: one.live(now))
        on.time.advance(10)


def test_one_that_is_well_is_joined_to_its_stream_and_says_no_lag() -> None:
    with world("pipes") as on:
        live(on, pipe(on))
        on.read()
        live(on, on.aws.do(lambda cloud, _: cloud.beside(Pipes).pipes["p"]))
        on.read(streams=True)

        assert on.all(r.STATE) == {("s", "pipes", "p", "running"): 1}
        assert on.value(r.LAG) is None
        assert on.value(a.FAILED_EXECUTIONS) == 0
        assert (on.value(a.EXECUTIONS) or 0) > 0
        assert (on.value(a.RECORDS) or 0) > 0
        assert any(one.startswith("lag") for one in on.readers["p"].unknown)


def test_a_target_that_takes_nothing_shows_as_failed_executions() -> None:
    with world("pipes") as on:
        one = pipe(on)
        on.read()
        on.fault("pipe", name="p", failing=True)
        live(on, one, 180)
        on.read()

        assert (on.value(a.FAILED_EXECUTIONS) or 0) > 0


@pytest.mark.parametrize(
    ("state", "desired", "known"),
    [
        ("STOPPED", "STOPPED", "disabled"),
        ("STOPPED", "RUNNING", "stopped"),
        ("START_FAILED", "RUNNING", "stopped"),
        ("CREATE_ROLLBACK_FAILED", "RUNNING", "stopped"),
        ("STARTING", "RUNNING", "unknown"),
    ],
)
def test_a_state_counts_against_the_one_that_was_wanted(state: str, desired: str, known: str) -> None:
    with world("pipes") as on:
        pipe(on)
        on.read()
        on.fault("pipe", name="p", state=state, desired=desired, reason="no right")
        on.time.advance(60)
        on.read()

        assert on.readers["p"].state == known
        assert on.value(a.REASON, f"it is {state}, and should be {desired}: no right") == 1


def test_the_retry_policy_is_known_and_for_ever_where_nothing_is_said() -> None:
    with world("pipes") as on:
        pipe(on, KinesisStreamParameters={"StartingPosition": "LATEST", "MaximumRetryAttempts": 3})
        on.read()
        retries = on.readers["p"].retries
        assert retries is not None
        assert (retries.attempts, retries.record_age_seconds, retries.bisects, retries.destination) == (
            3,
            None,
            False,
            "",
        )


@pytest.mark.parametrize("group", ["mine", None])
def test_one_of_a_topic_is_joined_to_it_and_its_group_is_not_guessed(group: str | None) -> None:
    with world("pipes") as on:
        settings = {"TopicName": "orders"} | ({"ConsumerGroupID": group} if group else {})
        pipe(on, CLUSTER, ManagedStreamingKafkaParameters=settings)
        on.read()

        assert on.reads() == ("shop", "orders", group or "")
        assert any(one.startswith("group") for one in on.readers["p"].unknown) == (group is None)


def test_one_that_reads_something_else_is_none_of_ours() -> None:
    with world("pipes") as on:
        pipe(on, "arn:aws:sqs:us-east-1:123456789012:q")
        on.read()
        assert (on.snapshot.readers, on.problems(), on.calls("DescribePipe")) == ((), set(), 0)
