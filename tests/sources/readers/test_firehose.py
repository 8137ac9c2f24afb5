"""Delivery streams, watched on the reference: what is known of them, and what where the service does not answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.firehose import Hose
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.sources.readers.attached import Described, without_its_stream
from tests.sources.readers.attaching import CLUSTER, World, world

LIST, DESCRIBE = "ListDeliveryStreams", "DescribeDeliveryStream"


def hose(on: World, name: str = "lake") -> Hose:
    poller = on.poller()
    return on.aws.do(lambda cloud, now: cloud.firehose().of_stream(name, poller, now))


@contextmanager
def lake(more: str = "") -> Iterator[tuple[World, Hose]]:
    with world("firehose", more) as on:
        yield on, hose(on)


def lives(one: Hose, _: Cloud, now: float) -> None:
    one.live(now)


def live(on: World, *hoses: Hose, seconds: float = 60, write: bool = True) -> None:
    until = on.time.now() + seconds
    while on.time.now() < until:
        if write:
            on.put()
        for one in hoses:
            on.aws.do(partial(lives, one))
        on.time.advance(10)


def test_one_that_is_well_is_known_with_its_stream_lag_and_delivery() -> None:
    with lake() as (on, one):
        live(on, one, seconds=180)
        on.read(streams=True)

        assert on.problems() == set()
        assert on.value(r.UP) == 1
        assert on.all(r.STATE) == {("s", "firehose", "lake", "running"): 1}
        assert on.value(r.LAG) == 0
        assert on.value(r.READ_CALLS_USE) == 0.2
        assert on.value(r.TIME_TO_LOSS) == 86_400
        assert on.value(r.LOST) == 0
        assert on.value(a.BUFFER) == 60
        assert on.value(a.SUCCESS) == 1
        freshness = on.value(a.FRESHNESS)
        assert freshness is not None
        assert 0 < freshness <= 60
        assert on.value(a.RECORDS) is not None
        assert on.all(a.REASON) == {}


def test_one_that_stalls_says_nothing_of_its_lag_as_aws_does_and_nothing_is_made_up() -> None:
    with lake() as (on, one):
        live(on, one)
        on.fault("hose", name="lake", stalled=True)
        live(on, one, seconds=600)
        on.read()

        assert on.value(r.UP) == 1
        assert on.value(r.LAG) is None
        assert on.value(a.FRESHNESS) is None


def test_a_bucket_that_takes_nothing_shows_as_success_and_freshness() -> None:
    with lake() as (on, one):
        live(on, one)
        on.fault("hose", name="lake", refused=True)
        live(on, one, seconds=600)
        on.read()

        assert on.value(a.SUCCESS) == 0
        freshness = on.value(a.FRESHNESS)
        assert freshness is not None
        assert freshness >= 480
        assert on.value(r.LAG) == 0, "it still reads"


def test_a_failed_one_says_why() -> None:
    with lake() as (on, _):
        on.fault("hose", name="lake", status="CREATING_FAILED", failure="KMS_ACCESS_DENIED", details="no key")
        on.read()

        assert on.value(r.UP) == 0
        assert on.value(a.REASON, "it is CREATING_FAILED: KMS_ACCESS_DENIED: no key") == 1


def test_one_of_a_topic_is_joined_to_cluster_and_topic_and_says_no_group() -> None:
    with world("firehose") as on:
        one = on.aws.do(lambda cloud, now: cloud.firehose().of_topic("lake", CLUSTER, "orders", now))
        one.offset_lag = 42.0
        live(on, one, seconds=120, write=False)
        on.read()

        assert on.reads() == ("shop", "orders", "")
        assert on.value(r.LAG_RECORDS) == 42
        assert on.value(a.BACKPRESSURED) == 0
        assert on.value(r.LAG) is None
        assert any("group" in one for one in on.readers["lake"].unknown)
        assert any("LogAppendTime" in one for one in on.readers["lake"].unknown)


def test_three_pages_are_read_and_descriptions_come_in_turn_at_half_of_the_documented_rate() -> None:
    with world("firehose") as on:
        for at in range(250):
            hose(on, f"h{at:03d}")
        on.read()

        assert on.calls(LIST) == 4, "three pages of one type, one of the other"
        first = on.calls(DESCRIBE)
        assert 40 <= first <= 60, "two a second for about half a minute"
        assert len(on.readers) == 250
        assert ("reader", "budget") in on.problems()
        assert on.readers["h249"].state == "unknown"
        for _ in range(10):
            on.time.advance(60)
            on.read()
            if not on.problems():
                break
        assert on.problems() == set()
        assert {one.state for one in on.readers.values()} == {"running"}


def test_none_at_all_is_no_problem() -> None:
    with world("firehose") as on:
        on.read()

        assert on.snapshot.readers == ()
        assert on.problems() == set()


@pytest.mark.parametrize(("fault", "reason"), [("deny", "denied"), ("throttle", "throttled")])
def test_a_refused_description_is_named_and_the_reader_is_unknown(fault: str, reason: str) -> None:
    with lake() as (on, _):
        on.fault(fault, operation=DESCRIBE)
        on.read()

        assert on.problems() == {("reader", reason)}
        assert on.readers["lake"].state == "unknown"
        assert on.value(r.UP) is None


def test_a_description_is_believed_for_a_while_where_it_cannot_be_renewed() -> None:
    with lake() as (on, _):
        on.read()
        on.fault("deny", operation=DESCRIBE)
        on.time.advance(400)
        on.read()
        assert (on.value(r.UP), on.problems()) == (1, {("reader", "denied")})

        on.time.advance(400)
        on.read()
        assert on.value(r.UP) is None


@pytest.mark.parametrize("answers", ["garbage", "truncated", "empty", "error"])
def test_nonsense_is_named_and_nothing_is_known(answers: str) -> None:
    with lake() as (on, _):
        on.read()
        on.fault("spoil", answers=answers)
        on.time.advance(60)
        on.read()

        assert on.snapshot.readers is None
        assert {scope for scope, _ in on.problems()} == {"region"}


def test_cloudwatch_that_refuses_takes_the_numbers_and_not_the_state() -> None:
    with lake() as (on, one):
        live(on, one, seconds=120)
        on.fault("deny", operation="GetMetricData")
        on.read()

        assert on.problems() == {("cloudwatch", "denied")}
        assert (on.value(r.UP), on.value(r.LAG)) == (1, None)


def test_one_that_is_gone_is_gone() -> None:
    with lake() as (on, _):
        on.read()
        on.aws.do(lambda cloud, _: cloud.firehose().hoses.clear())
        on.time.advance(60)
        on.read()
        assert on.snapshot.readers == ()


def test_names_that_are_not_looked_at_cost_no_call() -> None:
    with lake(", names: {deny: [lake]}") as (on, _):
        on.read()
        assert (on.snapshot.readers, on.calls(DESCRIBE)) == ((), 0)


@pytest.mark.parametrize("operation", [LIST, DESCRIBE, "GetMetricData"])
def test_the_check_up_names_a_missing_right_with_its_policy(operation: str) -> None:
    with lake() as (on, _):
        assert {one.verdict for one in on.findings().values()} == {"ok"}
        on.fault("deny", operation=operation)
        found = on.findings()[operation]

    assert found.verdict == "failed"
    policy: Any = json.loads(found.remedy.partition(": ")[2])
    service = "cloudwatch" if operation == "GetMetricData" else "firehose"
    assert policy == {"Effect": "Allow", "Action": f"{service}:{operation}", "Resource": "*"}


def test_the_check_up_says_that_there_is_none() -> None:
    with world("firehose") as on:
        assert on.findings()["firehose"].verdict == "warning"


def test_one_whose_stream_was_deleted_does_not_run_whatever_its_service_says() -> None:
    with lake() as (on, one):
        live(on, one)
        on.read(streams=True)
        on.call("DeleteStream", StreamName="s")
        on.time.advance(600)
        on.read()
        assert on.value(r.UP) == 1, "streams were not listed since"
        for _ in range(3):
            on.read(streams=True)
            assert on.value(r.UP) == 0
            assert on.value(a.REASON, "there is no stream s (any more): it is ACTIVE") == 1
            assert on.value(r.READ_CALLS_USE) == 0
            on.time.advance(300)

        on.call("CreateStream", StreamName="s", ShardCount=1)
        on.time.advance(60)
        on.read(streams=True)
        assert on.value(r.UP) == 1


def test_streams_that_were_listed_before_it_came_say_nothing_of_it() -> None:
    with world("firehose") as on:
        on.read(streams=True)
        on.call("CreateStream", StreamName="new", ShardCount=1)
        on.time.advance(60)
        poller = on.aws.do(lambda cloud, _: StreamPoller(cloud.kinesis(), "new"))
        on.aws.do(lambda cloud, now: cloud.firehose().of_stream("lake", poller, now))
        on.read()

        assert on.readers["lake"].state == "running"


@pytest.mark.parametrize("other", ["us-east-1:210987654321", "eu-west-1:123456789012"])
def test_a_stream_elsewhere_is_not_missed(other: str) -> None:
    of = Described(
        name="lake", account="123456789012", state="running", reason="", stream="s",
        stream_arn=f"arn:aws:kinesis:{other}:stream/s", dimensions=(),
    )  # fmt: skip
    assert without_its_stream(of, "us-east-1", ()) is of
